/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The devices of a batch: what each asks for, and under which name its license is written.
 *
 * They come from a folder of PEM certificates, NAME.pem, or from lines of JSON: each a request as
 * POST /v1/licenses takes it, in which product, image and context may be left to the options, and
 * which may have a name. Order of calls: batch_read, batch_clear. Threads: owned by one thread.
 */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <stddef.h>

#include "cli/arguments.h"
#include "cli/failure.h"
#include "core/bytes.h"

#define BATCH_DEVICES_MAX 10000
#define BATCH_NAME_MAX    64
#define BATCH_LINE_MAX    ((size_t)128 * 1024)
#define BATCH_BYTES_MAX   ((size_t)256 * 1024 * 1024) /* of all requests */

struct batch_device {
    char name[BATCH_NAME_MAX + 1];
    char image[IMAGE_REFERENCE_SIZE]; /* that it asks for */
    char *request;                    /* JSON, on one line */
    size_t length;
    bool is_done;           /* it has its license, or never gets one */
    struct failure failure; /* of its last answer; code ERR_OK when there was none */
};

struct batch {
    struct batch_device *devices;
    size_t count;
    size_t bytes; /* of all requests */
};

#define BATCH_AUTO __attribute__((cleanup(batch_clear))) struct batch

/* source is a folder, a file, or "-". Two devices of one name are refused, and none at all. */
enum error batch_read(const struct arguments *arguments, const char *source,
                      struct batch *ret_batch, struct failure *failure) MUST_USE;
/* For BATCH_AUTO; an empty one ({0}) is allowed. */
void batch_clear(struct batch *batch);

#endif
