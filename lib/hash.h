/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uthash as this project uses it: running out of memory leaves the element out instead of ending the process. After a
 * HASH_ADD, hash_added() tells whether the element is in.
 */
#ifndef IMPROXY_LIB_HASH_H
#define IMPROXY_LIB_HASH_H

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)

#include <uthash.h>

#define hash_added(element) ((element)->hh.tbl != NULL)

#endif
