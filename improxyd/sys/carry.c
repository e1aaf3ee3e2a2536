/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/carry.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "sys/fdstore.h"

#define NAME_STATE  "state"
#define NAME_CONFIG "config"
/* A number that changes with the meaning of struct carry up to `counted`. */
#define LAYOUT 0x696d7003u
/* The fields of struct gmsock_stats. */
#define SOCK_COUNTERS "received upcalls other overflows sent send_errors read_errors rcvbuf"
/* More than any configuration has. */
#define CONFIG_MAX (64u << 20)

static void *map(int fd)
{
	void *p = mmap(NULL, sizeof(struct carry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* What the process before has left, grown to the size it has here; NULL: nothing that is understood. */
static struct carry *recall(int fd)
{
	struct carry *carry = NULL;
	struct stat st;

	if (fstat(fd, &st) == 0 && (size_t)st.st_size >= offsetof(struct carry, counted) &&
	    ((size_t)st.st_size >= sizeof(*carry) || ftruncate(fd, sizeof(*carry)) == 0))
		carry = map(fd);
	if (carry && carry->layout != LAYOUT) {
		munmap(carry, sizeof(*carry));
		carry = NULL;
	}
	return carry;
}

static struct carry *begin(void)
{
	int fd = memfd_create("improxyd", MFD_CLOEXEC);
	struct carry *carry = NULL;

	if (fd >= 0 && ftruncate(fd, sizeof(*carry)) == 0)
		carry = map(fd);
	if (carry)
		fdstore_keep(NAME_STATE, fd);
	else
		log_warn("keeper", "no memory to leave to the next process: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	/* Alone, but at work. */
	if (!carry)
		carry = mmap(NULL, sizeof(*carry), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return carry == MAP_FAILED ? NULL : carry;
}

/* FNV-1a: a program that counts other things, or in another order, has another sum. */
static uint64_t add_name(uint64_t sum, const char *name)
{
	for (; *name; name++)
		sum = (sum ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return sum * UINT64_C(0x100000001b3);
}

static uint64_t names_sum(void)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (unsigned int i = 0; i < GM_C_COUNT; i++)
		sum = add_name(sum, gm_counter_names[i]);
	for (unsigned int i = 0; i < GM_DROP_COUNT; i++)
		sum = add_name(sum, gm_drop_names[i]);
	return add_name(sum, SOCK_COUNTERS);
}

struct carry *carry_open(void)
{
	int fd = fdstore_take(NAME_STATE);
	struct carry *carry = fd < 0 ? NULL : recall(fd);
	uint64_t counted;

	if (fd >= 0)
		close(fd);
	if (!carry)
		carry = begin();
	if (!carry)
		return NULL;
	carry->layout = LAYOUT;
	carry->starts++;
	counted = names_sum();
	if (carry->counted != counted) {
		memset(carry->counters, 0, sizeof(carry->counters));
		memset(carry->socks, 0, sizeof(carry->socks));
	}
	carry->counted = counted;
	return carry;
}

void carry_close(struct carry *carry)
{
	if (carry)
		munmap(carry, sizeof(*carry));
}

static bool is_of(const struct carry_counters *counters, const char *name)
{
	return strncmp(counters->name, name, sizeof(counters->name)) == 0;
}

/* The counters of an interface, "" the first that are unused; NULL: there are none. */
static struct carry_counters *find(struct carry_counters *saved, const char *name)
{
	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (is_of(&saved[i], name))
			return &saved[i];
	}
	return NULL;
}

/*
 * Makes the counters of a slot those of its interface. What stood there is of another one, which has gone or has
 * another slot now: it goes where the interface's own were, or where there is room.
 */
static void claim(struct carry_counters *saved, unsigned int slot, const char *name)
{
	struct carry_counters *other = find(saved, name);

	if (!other)
		other = find(saved, "");
	if (other)
		*other = saved[slot];
	memcpy(saved[slot].name, name, sizeof(saved[slot].name));
}

void carry_save(struct carry *carry, enum family family, const struct gm *gm)
{
	struct carry_counters *saved = carry->counters[family];

	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct gm_if *ifp = &gm->ifs[slot];

		if (ifp->conf.role == GM_ROLE_NONE)
			continue;
		if (!is_of(&saved[slot], ifp->conf.name))
			claim(saved, slot, ifp->conf.name);
		saved[slot].stats = ifp->stats;
	}
	saved[GM_MAX_IFS].stats = gm->stats;
}

static void add(struct gm_stats *stats, const struct gm_stats *more)
{
	for (unsigned int i = 0; i < GM_C_COUNT; i++)
		stats->counter[i] += more->counter[i];
	for (unsigned int i = 0; i < GM_DROP_COUNT; i++)
		stats->drop[i] += more->drop[i];
}

void carry_return(const struct carry *carry, enum family family, struct gm_if *ifp)
{
	const struct carry_counters *saved = carry->counters[family];

	for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
		if (is_of(&saved[i], ifp->conf.name)) {
			add(&ifp->stats, &saved[i].stats);
			return;
		}
	}
}

void carry_restore(const struct carry *carry, enum family family, struct gm *gm)
{
	gm_for_each_if (gm, ifp)
		carry_return(carry, family, ifp);
	add(&gm->stats, &carry->counters[family][GM_MAX_IFS].stats);
}

void carry_forget(struct carry *carry, enum family family)
{
	memset(carry->counters[family], 0, sizeof(carry->counters[family]));
}

/* A new one each time, which replaces the old one at once: a death in between leaves one of the two. */
void carry_save_config(const char *text)
{
	size_t len = strlen(text);
	int fd;

	if (!fdstore_has_keeper())
		return;
	fd = memfd_create("improxyd.conf", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, text, len) == (ssize_t)len)
		fdstore_keep(NAME_CONFIG, fd);
	else
		log_warn("keeper", "the running configuration would not survive this process: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

char *carry_take_config(void)
{
	int fd = fdstore_take(NAME_CONFIG);
	struct stat st;
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < CONFIG_MAX)
		text = calloc(1, (size_t)st.st_size + 1);
	if (text && pread(fd, text, (size_t)st.st_size, 0) != (ssize_t)st.st_size) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}
