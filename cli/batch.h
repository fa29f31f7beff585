/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The devices of a batch: what each asks for, and under which name its license is written.
 *
 * They come from a folder of PEM certificates, NAME.pem, or from lines of JSON: each a request as
 * POST /v1/licenses takes it, in which product, image and context may be left to the options, and
 * which may have a name. A device that cannot be read is one of them all the same, done before it
 * was asked for, with its failure. Order of calls: batch_read, batch_clear. Threads: owned by one
 * thread.
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
#define BATCH_NO_NAME     "-" /* of a file whose name is none for a device */
#define BATCH_WHERE_MAX   320

struct batch_device {
    char name[BATCH_NAME_MAX + 1];
    char image[IMAGE_REFERENCE_SIZE]; /* that it asks for */
    char *request;                    /* JSON, on one line; NULL when it could not be read */
    size_t length;
    size_t line;            /* of the source, from 1; 0 for a folder */
    bool is_done;           /* it has its license, or never gets one */
    struct failure failure; /* of its last answer or its reading; code ERR_OK when there was none */
};

struct batch {
    const char *source; /* as it was given, borrowed */
    struct batch_device *devices;
    size_t count;
    size_t bytes; /* of all requests */
};

#define BATCH_AUTO __attribute__((cleanup(batch_clear))) struct batch

/*
 * source is a folder, a file, or "-". Refused as a whole: a source that cannot be read, two devices
 * of one name, too many devices, and none at all.
 */
enum error batch_read(const struct arguments *arguments, const char *source,
                      struct batch *ret_batch, struct failure *failure) MUST_USE;
/* Where a device comes from: "FOLDER/NAME.pem", or "FILE:LINE". Cut when it does not fit. */
void batch_where(const struct batch *batch, const struct batch_device *device,
                 char out[BATCH_WHERE_MAX]);
/* For BATCH_AUTO; an empty one ({0}) is allowed. */
void batch_clear(struct batch *batch);

#endif
