/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults for the daemon, by LD_PRELOAD: calls of the C library that fail when they are told to, and clocks that jump.
 * tests/netns/faultwalk is the other side: both map the file named by FAULTS, whose layout is struct control.
 *
 * A place is where in the program a call comes from: the function that calls, and the two that have called that one. In
 * mode EACH every place fails once, when it is next reached; so a walk is over when nothing fails any more.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PLACES 4096
#define DEPTH  24

#define CALLS(X)                                                                                                       \
	X(setsockopt)                                                                                                  \
	X(getsockopt)                                                                                                  \
	X(socket)                                                                                                      \
	X(bind)                                                                                                        \
	X(connect)                                                                                                     \
	X(accept4)                                                                                                     \
	X(sendmsg)                                                                                                     \
	X(recvmsg)                                                                                                     \
	X(recvmmsg)                                                                                                    \
	X(recv)                                                                                                        \
	X(ioctl)                                                                                                       \
	X(epoll_ctl)                                                                                                   \
	X(open)                                                                                                        \
	X(fopen)                                                                                                       \
	X(mkostemp)                                                                                                    \
	X(read)                                                                                                        \
	X(write)                                                                                                       \
	X(writev)                                                                                                      \
	X(readv)                                                                                                       \
	X(fsync)                                                                                                       \
	X(rename)                                                                                                      \
	X(malloc)                                                                                                      \
	X(calloc)                                                                                                      \
	X(realloc)

enum call {
#define CALL_ENUM(name) CALL_##name,
	CALLS(CALL_ENUM)
};

enum mode { MODE_OFF, MODE_EACH, MODE_ONE };

struct place {
	uint64_t key;
	uint64_t at; /* where the call is, as an offset into the program */
	uint32_t call;
	uint32_t hits;
	uint32_t failed;
	uint32_t pad;
};

struct control {
	uint32_t mode;
	uint32_t calls; /* bits of those that may fail */
	int32_t error;
	uint32_t nplaces;
	uint64_t one; /* MODE_ONE: the place that fails, once */
	uint32_t injected;
	uint32_t most;                     /* not more than so many at a time */
	int64_t monotonic_us, realtime_us; /* added to the clocks */
	struct place places[PLACES];
};

static struct control *control;
static uintptr_t program_from, program_to;
static bool busy; /* one thread: what the library itself calls does not count */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static int find_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	program_from = info->dlpi_addr;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > program_to)
			program_to = end;
	}
	return 1; /* the first one is the program */
}

static void __attribute__((constructor)) start(void)
{
	const char *path = getenv("FAULTS");
	void *frames[DEPTH], *map;
	int fd;

	if (!path)
		return;
	busy = true;
	/* The unwinder loads itself at its first use. */
	backtrace(frames, DEPTH);
	dl_iterate_phdr(find_program, NULL);
	fd = open(path, O_RDWR | O_CLOEXEC);
	map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map != MAP_FAILED)
		control = map;
	busy = false;
}

static struct place *place_of(enum call call)
{
	uint64_t key = 1469598103934665603u ^ call, at = 0;
	void *frames[DEPTH];
	unsigned int n, used = 0;

	n = (unsigned int)backtrace(frames, DEPTH);
	for (unsigned int i = 0; i < n && used < 3; i++) {
		uintptr_t pc = (uintptr_t)frames[i];

		if (pc < program_from || pc >= program_to)
			continue;
		key = (key ^ (pc - program_from)) * 1099511628211u;
		at = used++ ? at : pc - program_from;
	}
	for (unsigned int i = 0; i < control->nplaces; i++) {
		if (control->places[i].key == key)
			return &control->places[i];
	}
	if (!used || control->nplaces == PLACES)
		return NULL;
	control->places[control->nplaces] = (struct place){ .key = key, .at = at, .call = call };
	return &control->places[control->nplaces++];
}

/* True: this call is to fail; errno is set. */
static bool fails(enum call call)
{
	struct place *place;
	bool failed = false;

	if (!control || busy)
		return false;
	busy = true;
	place = place_of(call);
	if (place) {
		place->hits++;
		failed = control->injected < control->most &&
			 ((control->mode == MODE_EACH && (control->calls >> call & 1) && !place->failed) ||
			  (control->mode == MODE_ONE && control->one == place->key && !place->failed));
		if (failed) {
			place->failed++;
			control->injected++;
		}
	}
	busy = false;
	if (failed)
		errno = control->error;
	return failed;
}

static void *next(const char *name)
{
	bool was = busy;
	void *fn;

	busy = true;
	fn = dlsym(RTLD_NEXT, name);
	busy = was;
	return fn;
}

/* --- the calls --- */

#define CALL(name, failure, type, params, args)                                                                        \
	type name params                                                                                               \
	{                                                                                                              \
		static type(*real) params;                                                                             \
                                                                                                                       \
		if (!real)                                                                                             \
			*(void **)&real = next(#name);                                                                 \
		return fails(CALL_##name) ? (failure) : real args;                                                     \
	}

/* What the compiler calls in place of `name` when it knows the size of the buffer. */
#define CHECKED(name, call, failure, type, params, args)                                                               \
	type name params;                                                                                              \
	type name params                                                                                               \
	{                                                                                                              \
		static type(*real) params;                                                                             \
                                                                                                                       \
		if (!real)                                                                                             \
			*(void **)&real = next(#name);                                                                 \
		return fails(CALL_##call) ? (failure) : real args;                                                     \
	}

CALL(setsockopt, -1, int, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len))
CALL(getsockopt, -1, int, (int fd, int level, int name, void *value, socklen_t *len), (fd, level, name, value, len))
CALL(socket, -1, int, (int family, int type, int protocol), (family, type, protocol))
CALL(bind, -1, int, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))
CALL(connect, -1, int, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))
CALL(accept4, -1, int, (int fd, struct sockaddr *addr, socklen_t *len, int flags), (fd, addr, len, flags))
CALL(sendmsg, -1, ssize_t, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))
CALL(recvmsg, -1, ssize_t, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
CALL(recvmmsg, -1, int, (int fd, struct mmsghdr *v, unsigned int n, int flags, struct timespec *timeout),
     (fd, v, n, flags, timeout))
CALL(recv, -1, ssize_t, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags))
CHECKED(__recv_chk, recv, -1, ssize_t, (int fd, void *buf, size_t len, size_t size, int flags),
	(fd, buf, len, size, flags))
CALL(epoll_ctl, -1, int, (int epfd, int op, int fd, struct epoll_event *ev), (epfd, op, fd, ev))
CALL(fopen, NULL, FILE *, (const char *path, const char *mode), (path, mode))
CHECKED(fopen64, fopen, NULL, FILE *, (const char *path, const char *mode), (path, mode))
CALL(mkostemp, -1, int, (char *path, int flags), (path, flags))
CHECKED(mkostemp64, mkostemp, -1, int, (char *path, int flags), (path, flags))
CALL(read, -1, ssize_t, (int fd, void *buf, size_t len), (fd, buf, len))
CHECKED(__read_chk, read, -1, ssize_t, (int fd, void *buf, size_t len, size_t size), (fd, buf, len, size))
CALL(write, -1, ssize_t, (int fd, const void *buf, size_t len), (fd, buf, len))
CALL(writev, -1, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))
CALL(readv, -1, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))
CALL(fsync, -1, int, (int fd), (fd))
CALL(rename, -1, int, (const char *from, const char *to), (from, to))

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int fd, unsigned long request, void *arg);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!real)
		*(void **)&real = next("ioctl");
	return fails(CALL_ioctl) ? -1 : real(fd, request, arg);
}

static int open_as(const char *name, const char *path, int flags, mode_t mode)
{
	int (*real)(const char *path, int flags, mode_t mode);

	*(void **)&real = next(name);
	return fails(CALL_open) ? -1 : real(path, flags, mode);
}

#define OPEN(name)                                                                                                     \
	int name(const char *path, int flags, ...)                                                                     \
	{                                                                                                              \
		va_list ap;                                                                                            \
		mode_t mode;                                                                                           \
                                                                                                                       \
		va_start(ap, flags);                                                                                   \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;                                         \
		va_end(ap);                                                                                            \
		return open_as(#name, path, flags, mode);                                                              \
	}
OPEN(open)
OPEN(open64)

void *malloc(size_t size)
{
	return fails(CALL_malloc) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(CALL_calloc) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails(CALL_realloc) ? NULL : __libc_realloc(old, size);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t id, struct timespec * ts);
	int64_t us;
	int ret;

	if (!real)
		*(void **)&real = next("clock_gettime");
	ret = real(id, ts);
	if (ret || !control)
		return ret;
	us = id == CLOCK_REALTIME ? control->realtime_us : control->monotonic_us;
	us += ts->tv_nsec / 1000;
	ts->tv_sec += us / 1000000 - (us % 1000000 < 0);
	ts->tv_nsec = (us % 1000000 + 1000000) % 1000000 * 1000;
	return 0;
}
