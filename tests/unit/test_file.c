/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sys/file: a file is read whole or not at all, and replaced whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"

#include <cmocka.h>

static char dir[] = "/tmp/improxy-file-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static unsigned int count_files(void)
{
	DIR *d = opendir(".");
	unsigned int n = 0;
	const struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Every test leaves the folder empty again. */
static int teardown(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static void put(const char *path, const char *octets, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void what_is_written_is_read(void **state)
{
	size_t len = 100000, got_len;
	char *text = malloc(len + 1), *got;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	assert_int_equal(file_write("a", text), 0);
	assert_int_equal(file_read("a", FILE_READY, &got, &got_len), 0);
	assert_string_equal(got, text);
	free(got);
	assert_int_equal(file_write("a", ""), 0);
	assert_int_equal(file_read("a", FILE_READY, &got, &got_len), 0);
	assert_string_equal(got, "");
	free(got);
	free(text);
	unlink("a");
}

static void what_cannot_be_read_is_refused(void **state)
{
	char *got = (char *)1;
	size_t len;

	(void)state;
	for (enum file_kind kind = FILE_READY; kind <= FILE_ANY; kind++) {
		assert_int_equal(file_read("nothing", kind, &got, &len), -ENOENT);
		assert_null(got);
		assert_int_equal(file_read(".", kind, &got, &len), -EISDIR);
		put("large", "", 0);
		assert_int_equal(truncate("large", FILE_TEXT_MAX + 1), 0);
		assert_int_equal(file_read("large", kind, &got, &len), -EFBIG);
		assert_null(got);
		unlink("large");
	}
	assert_int_equal(file_read("/dev/zero", FILE_ANY, &got, &len), -EFBIG);
}

/* Whoever holds up nobody by waiting reads anything. */
static void what_has_to_be_waited_for_is_of_another_kind(void **state)
{
	static const char words[] = "two words";
	int ends[2];
	char *got;
	size_t len;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(file_read("fifo", FILE_READY, &got, &len), -ENOTSUP);
	assert_int_equal(file_read("/dev/zero", FILE_READY, &got, &len), -ENOTSUP);
	unlink("fifo");
	assert_int_equal(file_read("/dev/null", FILE_READY, &got, &len), 0);
	assert_int_equal(len, 0);
	free(got);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], words, strlen(words)), strlen(words));
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	assert_int_equal(file_read("/dev/stdin", FILE_READY, &got, &len), -ENOTSUP);
	assert_int_equal(file_read("/dev/stdin", FILE_ANY, &got, &len), 0);
	assert_int_equal(len, strlen(words));
	assert_string_equal(got, words);
	free(got);
}

static void a_nul_is_read(void **state)
{
	char *got;
	size_t len;

	(void)state;
	put("nul", "hostname a\0nonsense\n", 20);
	assert_int_equal(file_read("nul", FILE_READY, &got, &len), 0);
	assert_int_equal(len, 20);
	assert_memory_equal(got, "hostname a\0nonsense\n", 21);
	free(got);
	unlink("nul");
}

static void mode_and_owner_stay(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(file_write("new", "one\n"), 0);
	assert_int_equal(stat("new", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(chmod("new", 0604), 0);
	if (geteuid() == 0)
		assert_int_equal(chown("new", 12, 34), 0);
	assert_int_equal(file_write("new", "two\n"), 0);
	assert_int_equal(stat("new", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 12);
		assert_int_equal(st.st_gid, 34);
	}
	assert_int_equal(count_files(), 1);
	unlink("new");
}

static void a_symbolic_link_stays_one(void **state)
{
	struct stat st;
	size_t len;
	char *got;

	(void)state;
	put("real", "old\n", 4);
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(file_write("link", "new\n"), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(file_read("real", FILE_READY, &got, &len), 0);
	assert_string_equal(got, "new\n");
	free(got);
	unlink("link");
	unlink("real");
}

static void a_failure_leaves_nothing_behind(void **state)
{
	static char path[5000];

	(void)state;
	assert_int_equal(file_write("no/where", "text"), -ENOENT);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(file_write("folder", "text"), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	assert_int_equal(file_write(path, "text"), -ENAMETOOLONG);
	assert_int_equal(count_files(), 1);
	assert_int_equal(rmdir("folder"), 0);
	assert_int_equal(count_files(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(what_has_to_be_waited_for_is_of_another_kind),
		cmocka_unit_test(a_nul_is_read),
		cmocka_unit_test(mode_and_owner_stay),
		cmocka_unit_test(a_symbolic_link_stays_one),
		cmocka_unit_test(a_failure_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("file", tests, setup, teardown);
}
