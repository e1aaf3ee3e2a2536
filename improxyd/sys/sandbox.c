/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls are named as text and resolved when the filter is built: a name that this machine or this version of the
 * library does not know is one that nothing here can use. So both the old and the new form of a call (open and openat,
 * clock_gettime and clock_gettime64) stand in the list, whichever the C library takes.
 */
#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/util.h"

#ifdef HAVE_SECCOMP
#include <asm/ioctls.h>
#include <linux/mroute.h>
#include <seccomp.h>
#endif
#if defined(SYS_landlock_create_ruleset) && __has_include(<linux/landlock.h>)
#define HAVE_LANDLOCK
#include <linux/landlock.h>
#endif

/* --- system calls --- */

#ifdef HAVE_SECCOMP

/* To find by the tests what is missing in the list (tests/README.md): nothing that is can then go unnoticed. */
#ifdef SANDBOX_STRICT
#define REFUSE SCMP_ACT_KILL_THREAD
#else
#define REFUSE SCMP_ACT_ERRNO(ENOSYS)
#endif

static const char *const allowed[] = {
	/* waiting */
	"epoll_ctl",
	"epoll_create1",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"poll",
	"ppoll",
	"ppoll_time64",
	"pselect6",
	"pselect6_time64",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	/* descriptors and sockets; socket() and ioctl() stand below */
	"accept",
	"accept4",
	"bind",
	"close",
	"close_range",
	"connect",
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"fcntl64",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"lseek",
	"_llseek",
	"pipe2",
	"pread64",
	"pwrite64",
	"read",
	"readv",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"send",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socketpair",
	"write",
	"writev",
	/* files: configuration, log, /proc, time zone */
	"access",
	"chdir",
	"faccessat",
	"faccessat2",
	"fchmod",
	"fchown",
	"fchown32",
	"fdatasync",
	"flock",
	"fstat",
	"fstat64",
	"fstatat64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"getcwd",
	"getdents",
	"getdents64",
	"lstat",
	"lstat64",
	"newfstatat",
	"open",
	"openat",
	"readlink",
	"readlinkat",
	"rename",
	"renameat",
	"renameat2",
	"stat",
	"stat64",
	"statx",
	"umask",
	"unlink",
	"unlinkat",
	/* memory and time; mmap() and mprotect() stand below */
	"brk",
	"madvise",
	"memfd_create",
	"mremap",
	"munmap",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"gettimeofday",
	"nanosleep",
	"time",
	"times",
	/* the process itself; kill() and tgkill() stand below */
	"exit",
	"exit_group",
	"futex",
	"futex_time64",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getpid",
	"getppid",
	"getrandom",
	"getrlimit",
	"getrusage",
	"gettid",
	"getuid",
	"getuid32",
	"prlimit64",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_yield",
	"sigaction",
	"signal",
	"sigprocmask",
	"sigreturn",
	"sysinfo",
	"ugetrlimit",
	"uname",
};

/* No library falls back on these, and no daemon needs them: who makes them has taken it over. */
static const char *const hostile[] = {
	"acct",
	"add_key",
	"bpf",
	"chroot",
	"delete_module",
	"execve",
	"execveat",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"mount",
	"mount_setattr",
	"move_mount",
	"name_to_handle_at",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pidfd_getfd",
	"pivot_root",
	"process_madvise",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"reboot",
	"request_key",
	"setns",
	"swapoff",
	"swapon",
	"umount",
	"umount2",
	"unshare",
	"userfaultfd",
};

/* Adds a rule; a call that this machine does not have needs none. */
static int add_rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned int n,
		    const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name), err;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	err = seccomp_rule_add_array(filter, action, nr, n, args);
	return err == -EDOM ? 0 : err;
}

static int add_rules(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = add_rule(filter, action, names[i], 0, NULL);
	return err;
}

/* Raw sockets and those of memberships are all that is opened of a protocol that could reach another machine. */
static int allow_sockets(scmp_filter_ctx filter)
{
	static const struct {
		int family, type; /* 0: any */
	} sockets[] = {
		{ AF_INET, SOCK_DGRAM }, { AF_INET, SOCK_RAW }, { AF_INET6, SOCK_DGRAM }, { AF_INET6, SOCK_RAW },
		{ AF_UNIX, 0 },          { AF_NETLINK, 0 },     { AF_PACKET, 0 },
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sockets) && err == 0; i++) {
		/* The bits above are SOCK_CLOEXEC and SOCK_NONBLOCK. */
		const struct scmp_arg_cmp args[] = {
			{ .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)sockets[i].family },
			{ .arg = 1,
			  .op = SCMP_CMP_MASKED_EQ,
			  .datum_a = 0xf,
			  .datum_b = (scmp_datum_t)sockets[i].type },
		};

		err = add_rule(filter, SCMP_ACT_ALLOW, "socket", sockets[i].type ? 2 : 1, args);
	}
	return err;
}

/* The counters of a forwarding entry and of an interface, how much can be read, is it a terminal. */
static int allow_ioctls(scmp_filter_ctx filter)
{
	static const unsigned long requests[] = { SIOCGETSGCNT, SIOCGETVIFCNT, SIOCGIFNAME, FIONREAD, TCGETS };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(requests) && err == 0; i++) {
		/* What a C library that takes an int has put above its 32 bits makes no difference. */
		const struct scmp_arg_cmp request[] = {
			{ .arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = 0xffffffff, .datum_b = requests[i] }
		};

		err = add_rule(filter, SCMP_ACT_ALLOW, "ioctl", 1, request);
	}
	return err;
}

static int allow_own_signals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp self[] = { { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid() } };
	int err = add_rule(filter, SCMP_ACT_ALLOW, "kill", 1, self);

	return err ? err : add_rule(filter, SCMP_ACT_ALLOW, "tgkill", 1, self);
}

static int allow_memory(scmp_filter_ctx filter)
{
	static const char *const names[] = { "mmap", "mmap2", "mprotect" };
	const struct scmp_arg_cmp plain[] = { { .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC } };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && err == 0; i++)
		err = add_rule(filter, SCMP_ACT_ALLOW, names[i], 1, plain);
	return err;
}

static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(REFUSE);
	int err;

	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* The kernel tells its log of what was refused, as often as it tells anything of the kind; where it can. */
	if (err == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (err == 0)
		err = add_rules(filter, SCMP_ACT_ALLOW, allowed, ARRAY_SIZE(allowed));
	if (err == 0)
		err = add_rules(filter, SCMP_ACT_KILL_PROCESS, hostile, ARRAY_SIZE(hostile));
	if (err == 0)
		err = allow_sockets(filter);
	if (err == 0)
		err = allow_ioctls(filter);
	if (err == 0)
		err = allow_own_signals(filter);
	if (err == 0)
		err = allow_memory(filter);
	if (err == 0)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

#else

static int filter_calls(void)
{
	return -ENOTSUP;
}

#endif

/* --- files --- */

#ifdef HAVE_LANDLOCK

/* Of later kernels than the headers may be. */
#define ACCESS_REFER     (1ull << 13) /* version 2 */
#define ACCESS_TRUNCATE  (1ull << 14) /* version 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* version 5 */

#define ACCESS_MAKE                                                                                                    \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                    \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                 \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)
#define ACCESS_FENCED                                                                                                  \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                  \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | ACCESS_MAKE)
/* A file is replaced by one made beside it; a log file is made and written to. */
#define ACCESS_ALLOWED                                                                                                 \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_TRUNCATE)

static int allow_path(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = access };
	int err = 0;

	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		err = -errno;
	close(beneath.parent_fd);
	return err;
}

/* A link is replaced where it leads to. */
static int allow_directory_of(int ruleset, const char *file, uint64_t access)
{
	char target[PATH_MAX];
	size_t len = strlen(file);

	if (!realpath(file, target) && (size_t)snprintf(target, sizeof(target), "%s", file) >= sizeof(target))
		return -ENAMETOOLONG;
	return allow_path(ruleset, len && file[len - 1] == '/' ? target : dirname(target), access);
}

static int limit_writes(const char *const *files, size_t n)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { .handled_access_fs = ACCESS_FENCED };
	int ruleset, err;

	if (version < 0)
		return -errno;
	attr.handled_access_fs |= version >= 2 ? ACCESS_REFER : 0;
	attr.handled_access_fs |= version >= 3 ? ACCESS_TRUNCATE : 0;
	attr.handled_access_fs |= version >= 5 ? ACCESS_IOCTL_DEV : 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	/* What takes the place of a terminal. */
	err = allow_path(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
	for (size_t i = 0; i < n && err == 0; i++) {
		if (files[i])
			err = allow_directory_of(ruleset, files[i], ACCESS_ALLOWED & attr.handled_access_fs);
	}
	if (err == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		err = -errno;
	close(ruleset);
	return err;
}

#else

static int limit_writes(const char *const *files, size_t n)
{
	(void)files;
	(void)n;
	return -ENOSYS;
}

#endif

/* --- both --- */

bool sandbox_has_filter(void)
{
#ifdef HAVE_SECCOMP
	return true;
#else
	return false;
#endif
}

/*
 * No program that it could start gains a right again: without that a fence is of no use, nor open to all. Files first:
 * the filter of calls leaves no way to fence anything in.
 */
void sandbox_enter(const char *const *files, size_t n, struct sandbox *sandbox)
{
	int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;

	sandbox->writes = err ? err : files ? limit_writes(files, n) : -ECANCELED;
	sandbox->calls = err ? err : filter_calls();
}
