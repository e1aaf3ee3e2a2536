/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process - what the kernel says about the process under test and its children: time on the processor and memory.
 * tests/bench only.
 */
#ifndef IMPROXY_TESTS_BENCH_PROCESS_H
#define IMPROXY_TESTS_BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds all threads were on a processor, system calls included: /proc/PID/task/TID/schedstat; 0: it is gone.
 */
uint64_t process_cpu_ns(pid_t pid);

/* Resident octets that are their own: the private ones of /proc/PID/smaps_rollup; 0: it is gone. */
uint64_t process_private(pid_t pid);

#endif
