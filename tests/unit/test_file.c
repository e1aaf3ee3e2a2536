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
	size_t len = 100000;
	char *text = malloc(len + 1), *got;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	assert_int_equal(file_write("a", text), 0);
	assert_int_equal(file_read("a", &got), 0);
	assert_string_equal(got, text);
	free(got);
	assert_int_equal(file_write("a", ""), 0);
	assert_int_equal(file_read("a", &got), 0);
	assert_string_equal(got, "");
	free(got);
	free(text);
	unlink("a");
}

static void what_is_no_text_file_is_refused(void **state)
{
	char *got = (char *)1;

	(void)state;
	assert_int_equal(file_read("nothing", &got), -ENOENT);
	assert_null(got);
	assert_int_equal(file_read(".", &got), -EISDIR);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(file_read("fifo", &got), -EINVAL);
	put("nul", "hostname a\0nonsense\n", 20);
	assert_int_equal(file_read("nul", &got), -EILSEQ);
	assert_null(got);
	put("large", "", 0);
	assert_int_equal(truncate("large", FILE_TEXT_MAX + 1), 0);
	assert_int_equal(file_read("large", &got), -EFBIG);
	assert_null(got);
	unlink("fifo");
	unlink("nul");
	unlink("large");
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
	char *got;

	(void)state;
	put("real", "old\n", 4);
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(file_write("link", "new\n"), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(file_read("real", &got), 0);
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
		cmocka_unit_test(what_is_no_text_file_is_refused),
		cmocka_unit_test(mode_and_owner_stay),
		cmocka_unit_test(a_symbolic_link_stays_one),
		cmocka_unit_test(a_failure_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("file", tests, setup, teardown);
}
