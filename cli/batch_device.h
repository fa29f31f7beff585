/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One device of a batch, for cli/batch.c alone: it is added, named, and given its request; what
 * goes wrong with it is kept with it. Threads: owned by one thread.
 */
#ifndef CLI_BATCH_DEVICE_H
#define CLI_BATCH_DEVICE_H

#include <jansson.h>

#include "cli/batch.h"

#define BATCH_PEM_END ".pem"

/* A new one at the end; NULL when memory is out. */
struct batch_device *batch_add_device(struct batch *batch);
/* A usage failure, with where it comes from, for a name that is none. */
enum error batch_set_name(struct batch_device *device, const char *name, const char *where,
                          struct failure *failure) MUST_USE;
/* The request of the newest device, completed by the options; it is borrowed. */
enum error batch_take_request(const struct arguments *arguments, json_t *request, const char *where,
                              struct batch *batch, struct failure *failure) MUST_USE;
/* What is wrong with the newest device is its own: ERR_OK, but for what is wrong with all. */
enum error batch_keep_failure(struct batch *batch, enum error e,
                              const struct failure *failure) MUST_USE;

#endif
