/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process may still do once it is in the sandbox: each thing is tried by a child, as no way leads out of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "sys/sandbox.h"

#include <cmocka.h>

#define NOT_THERE 200 /* the fence is not there: so says the child */

static char dir[64], inside[96], outside[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sandbox-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(inside, sizeof(inside), "%s/in", dir);
	snprintf(outside, sizeof(outside), "%s/out", dir);
	return mkdir(inside, 0700) || mkdir(outside, 0700) ? -1 : 0;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/file", inside);
	unlink(path);
	return rmdir(inside) || rmdir(outside) || rmdir(dir) ? -1 : 0;
}

/* What a child that tries `fn` in the sandbox ends with: its errno as the exit status, or 1000 and the signal. */
static int try(int (*fn)(void), bool of_calls)
{
	char file[128];
	const char *const files[] = { file, NULL, "/no/such/directory/file" };
	struct sandbox sandbox;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(file, sizeof(file), "%s/file", inside);
		sandbox_enter(of_calls ? NULL : files, ARRAY_SIZE(files), &sandbox);
		if (of_calls ? sandbox.calls < 0 : sandbox.writes < 0)
			_exit(NOT_THERE);
		errno = 0;
		_exit(fn() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void expect_call(int (*fn)(void), int want)
{
	int have = try(fn, true);

	assert_int_not_equal(have, NOT_THERE);
	assert_int_equal(have, want);
}

static void expect_write(int (*fn)(void), int want)
{
	int have = try(fn, false);

	assert_int_not_equal(have, NOT_THERE);
	assert_int_equal(have, want);
}

/* --- system calls --- */

static int open_tcp(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int open_tcp6(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0);
}

static int open_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static int open_needed(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
	int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int netlink = socket(AF_NETLINK, SOCK_RAW, 0);

	/* A kernel without a family says so by itself. */
	return (udp < 0 || udp6 < 0 || local < 0 || netlink < 0) && errno == ENOSYS ? -1 : 0;
}

static int signal_other(void)
{
	return kill(getppid(), 0);
}

static int signal_self(void)
{
	return kill(getpid(), 0);
}

static int abort_self(void)
{
	abort();
}

static int make_executable(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 0;
	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int start_process(void)
{
	return fork();
}

static int run_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int change_root(void)
{
	return chroot("/");
}

static void test_a_call_of_no_use_is_refused(void **state)
{
	(void)state;
	expect_call(open_tcp, ENOSYS);
	expect_call(open_tcp6, ENOSYS);
	expect_call(open_vsock, ENOSYS);
	expect_call(signal_other, ENOSYS);
	expect_call(make_executable, ENOSYS);
	expect_call(map_executable, ENOSYS);
	expect_call(start_process, ENOSYS);
}

static void test_a_call_of_an_intruder_ends_the_process(void **state)
{
	(void)state;
	expect_call(run_program, 1000 + SIGSYS);
	expect_call(trace, 1000 + SIGSYS);
	expect_call(change_root, 1000 + SIGSYS);
}

static void test_a_call_of_the_daemon_is_made(void **state)
{
	(void)state;
	expect_call(open_needed, 0);
	expect_call(signal_self, 0);
	expect_call(abort_self, 1000 + SIGABRT);
}

/* --- files --- */

static int create(const char *where)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/file", where);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int create_inside(void)
{
	return create(inside);
}

static int create_outside(void)
{
	return create(outside);
}

/* As a startup file is replaced. */
static int replace_inside(void)
{
	char from[128], to[128];
	int fd;

	snprintf(from, sizeof(from), "%s/file.XXXXXX", inside);
	snprintf(to, sizeof(to), "%s/file", inside);
	fd = mkostemp(from, O_CLOEXEC);
	if (fd < 0 || write(fd, "text\n", 5) != 5 || fsync(fd) < 0)
		return -1;
	return rename(from, to);
}

static int make_directory_inside(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/made", inside);
	return mkdir(path, 0700);
}

static int read_elsewhere(void)
{
	return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

static int write_null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void test_files_are_written_where_they_belong(void **state)
{
	(void)state;
	expect_write(create_inside, 0);
	expect_write(replace_inside, 0);
	expect_write(create_outside, EACCES);
	expect_write(make_directory_inside, sandbox_has_filter() ? ENOSYS : EACCES);
	expect_write(read_elsewhere, 0);
	expect_write(write_null, 0);
}

/* Without a list of files nothing is said about them. */
static int create_then_remove_outside(void)
{
	char path[128];

	if (create(outside) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/file", outside);
	return unlink(path);
}

static void test_without_a_list_files_are_written_anywhere(void **state)
{
	(void)state;
	expect_call(create_then_remove_outside, 0);
}

static int do_nothing(void)
{
	return 0;
}

/* What this build or this kernel has no fence for is left out. */
int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_files_are_written_where_they_belong),
		cmocka_unit_test(test_a_call_of_no_use_is_refused),
		cmocka_unit_test(test_a_call_of_an_intruder_ends_the_process),
		cmocka_unit_test(test_a_call_of_the_daemon_is_made),
		cmocka_unit_test(test_without_a_list_files_are_written_anywhere),
	};
	bool of_files, of_calls;
	size_t first, n;

	strcpy(inside, "/tmp");
	of_files = try(do_nothing, false) != NOT_THERE;
	of_calls = try(do_nothing, true) != NOT_THERE;
	first = of_files ? 0 : 1;
	n = of_calls ? ARRAY_SIZE(all) - first : 1 - first;
	if (!n)
		printf("1..0 # SKIP neither a filter of system calls nor Landlock here\n");
	return n ? _cmocka_run_group_tests("sandbox", all + first, n, setup, teardown) : 0;
}
