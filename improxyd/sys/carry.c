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
#define LAYOUT 0x696d7002u
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
	return sum;
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
	if (carry->counted != counted)
		memset(carry->counters, 0, sizeof(carry->counters));
	carry->counted = counted;
	return carry;
}

void carry_close(struct carry *carry)
{
	if (carry)
		munmap(carry, sizeof(*carry));
}

void carry_save(struct carry *carry, enum family family, const struct gm *gm)
{
	struct carry_counters *saved = carry->counters[family];

	for (unsigned int slot = 0; slot < GM_MAX_IFS; slot++) {
		const struct gm_if *ifp = &gm->ifs[slot];

		if (ifp->conf.role == GM_ROLE_NONE) {
			saved[slot].name[0] = '\0';
			continue;
		}
		memcpy(saved[slot].name, ifp->conf.name, sizeof(saved[slot].name));
		saved[slot].stats = ifp->stats;
	}
	saved[GM_MAX_IFS].stats = gm->stats;
}

void carry_restore(const struct carry *carry, enum family family, struct gm *gm)
{
	const struct carry_counters *saved = carry->counters[family];

	gm_for_each_if (gm, ifp) {
		for (unsigned int i = 0; i < GM_MAX_IFS; i++) {
			if (strncmp(saved[i].name, ifp->conf.name, sizeof(saved[i].name)) == 0)
				ifp->stats = saved[i].stats;
		}
	}
	gm->stats = saved[GM_MAX_IFS].stats;
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
