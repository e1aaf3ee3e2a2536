/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Some proxies work in a child of the process that was started: the children count, and theirs. */
#include "process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

typedef uint64_t of_process_fn(pid_t pid);

/* Opens a file of a thread, "children" for instance; NULL: it is gone. */
static FILE *open_of_thread(pid_t pid, const char *thread, const char *name)
{
	char path[64 + sizeof(((struct dirent *)NULL)->d_name)];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)pid, thread, name);
	return fopen(path, "re");
}

/* The sum of fn(arg, file) over a file of each thread. */
static uint64_t sum_threads(pid_t pid, const char *name, uint64_t (*fn)(of_process_fn *arg, FILE *f),
			    of_process_fn *arg)
{
	char path[64];
	uint64_t sum = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		FILE *f = entry->d_name[0] == '.' ? NULL : open_of_thread(pid, entry->d_name, name);

		if (!f)
			continue;
		sum += fn(arg, f);
		fclose(f);
	}
	closedir(dir);
	return sum;
}

static uint64_t sum_children(of_process_fn *fn, FILE *f)
{
	uint64_t sum = 0;
	int child;

	while (fscanf(f, "%d", &child) == 1)
		sum += fn((pid_t)child) + sum_threads((pid_t)child, "children", sum_children, fn);
	return sum;
}

static uint64_t sum_family(pid_t pid, of_process_fn *fn)
{
	return fn(pid) + sum_threads(pid, "children", sum_children, fn);
}

/* --- time --- */

static uint64_t read_time(of_process_fn *unused, FILE *f)
{
	uint64_t ns;

	(void)unused;
	return fscanf(f, "%" SCNu64, &ns) == 1 ? ns : 0;
}

static uint64_t time_of(pid_t pid)
{
	return sum_threads(pid, "schedstat", read_time, NULL);
}

uint64_t process_cpu_ns(pid_t pid)
{
	return sum_family(pid, time_of);
}

/* --- memory --- */

static uint64_t private_of(pid_t pid)
{
	char path[64], line[256];
	uint64_t kb, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Clean: %" SCNu64, &kb) == 1 ||
		    sscanf(line, "Private_Dirty: %" SCNu64, &kb) == 1)
			sum += kb * 1024;
	}
	fclose(f);
	return sum;
}

uint64_t process_private(pid_t pid)
{
	return sum_family(pid, private_of);
}
