/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The faults that several files of this room tell in the same words. Pure functions. */
#ifndef BACKUP_FAULT_H
#define BACKUP_FAULT_H

#include "core/error.h"

enum error backup_damaged(struct fault *fault, const char *detail);
enum error backup_wrong_key(struct fault *fault, const char *detail);
/* A file, by errno. */
enum error backup_cannot_read(struct fault *fault);
enum error backup_cannot_write(struct fault *fault);
enum error backup_no_memory(struct fault *fault);

#endif
