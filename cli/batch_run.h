/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A batch that is being asked for, for cli/command_batch.c alone: what its answers do. Threads:
 * owned by one thread.
 */
#ifndef CLI_BATCH_RUN_H
#define CLI_BATCH_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "cli/batch.h"
#include "cli/rest.h"

#define BATCH_CHUNK_DEVICES 256 /* what the server takes */

struct batch_run {
    const struct arguments *arguments;
    struct batch batch;
    struct rest *rest;
    size_t chunk_devices; /* shrinks when a server takes less */
    size_t licensed;
};

/* Indexes of the devices that are asked for together. */
struct batch_chunk {
    size_t devices[BATCH_CHUNK_DEVICES];
    size_t count;
};

/* The line, or the object, of a device that gets no license. */
void batch_print_refused(const struct batch_run *run, const struct batch_device *device);
/*
 * A batch that is wrong anywhere is refused whole: the device that is wrong gets no license, and
 * the others are to be asked for again. False when the refusal names none.
 */
bool batch_refuse_named(struct batch_run *run, const struct batch_chunk *chunk,
                        struct failure *failure);
/* Writes the licenses of an answer, and prints what is final. */
enum error batch_take_results(struct batch_run *run, const struct batch_chunk *chunk,
                              json_t *answer, struct failure *failure) MUST_USE;

#endif
