/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See device_image.h. Owns no state. */
#include "api/device_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)32 * 1024) /* what one response has in memory */

struct device_image {
    int file;
    uint64_t tail_at;
    uint8_t *tail;
    size_t tail_length;
};

static void image_free(void *context)
{
    struct device_image *image = context;
    (void)close(image->file);
    free(image->tail);
    free(image);
}

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static ssize_t read_file(const struct device_image *image, uint64_t position, char *out, size_t max)
{
    ssize_t n = -1;
    do
        n = pread(image->file, out, smaller(image->tail_at - position, max), (off_t)position);
    while (n < 0 && errno == EINTR);
    /* Its size was looked at: a file that ends before is one that somebody cuts off. */
    return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* libmicrohttpd asks for no byte behind the size that it was told. */
static ssize_t image_read(void *context, uint64_t position, char *out, size_t max)
{
    const struct device_image *image = context;
    if (position < image->tail_at)
        return read_file(image, position, out, max);
    const uint64_t done = position - image->tail_at;
    if (done >= image->tail_length)
        return MHD_CONTENT_READER_END_OF_STREAM;
    const size_t length = smaller(image->tail_length - done, max);
    memcpy(out, image->tail + done, length);
    return (ssize_t)length;
}

struct MHD_Response *device_image_response(struct request *request)
{
    struct device_image *image = malloc(sizeof *image);
    if (image == NULL)
        return NULL;
    *image = (struct device_image){.file = request->file,
                                   .tail_at = request->result.license.image_tail_at,
                                   .tail = request->kept,
                                   .tail_length = request->kept_length};
    struct MHD_Response *response = MHD_create_response_from_callback(
        image->tail_at + image->tail_length, BLOCK_BYTES, image_read, image, image_free);
    if (response == NULL) {
        free(image);
        return NULL;
    }
    request->file = -1; /* the response frees both */
    request->kept = NULL;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, DEVICE_IMAGE_MEDIA_TYPE);
    return response;
}
