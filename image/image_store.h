/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypted images on disk: one file each, named by the SHA-256 of its content.
 *
 * An image is written through a draft: a nameless temporary file that becomes visible under its
 * digest, whole and durable, or not at all. Whatever a crash leaves behind is removed when the
 * store is opened. Order of calls: image_store_open; image_draft_new, write to image_draft_fd,
 * image_draft_finish or image_draft_free; image_store_open_image; image_store_close.
 * Threads: the store is immutable after it was opened and may be shared; a draft belongs to one
 * thread.
 */
#ifndef IMAGE_IMAGE_STORE_H
#define IMAGE_IMAGE_STORE_H

#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define IMAGE_MAX_BYTES ((uint64_t)4 * 1024 * 1024 * 1024)

struct image_store;
struct image_draft;

/* Opens (and makes, mode 0700) the folder. ERR_LEDGER_UNAVAILABLE with errno. */
enum error image_store_open(const char *folder, struct image_store **ret_store,
                            struct fault *fault) MUST_USE;
/* NULL is allowed. */
void image_store_close(struct image_store *store);

enum error image_draft_new(struct image_store *store, struct image_draft **ret_draft,
                           struct fault *fault) MUST_USE;
/*
 * Takes that many bytes of the disk for it, before they are written. ERR_LEDGER_UNAVAILABLE
 * ("disk-nearly-full") when less than keep bytes would be left for others.
 */
enum error image_draft_reserve(struct image_draft *draft, uint64_t size, int64_t keep,
                               struct fault *fault) MUST_USE;
/* Where to write; borrowed. */
int image_draft_fd(const struct image_draft *draft);
/*
 * Reads the content back for its digest, makes it durable (file and folder) and visible. The same
 * content twice is one file, and brings back one that was damaged meanwhile. Consumes the draft on
 * success only. ERR_LEDGER_UNAVAILABLE with errno (ENOSPC, EIO), ERR_BAD_REQUEST when it is empty,
 * ERR_TOO_LARGE.
 */
enum error image_draft_finish(struct image_draft **draft, struct sha256 *ret_digest,
                              uint64_t *ret_size, struct fault *fault) MUST_USE;
/* Throws an unfinished draft away. NULL is allowed. */
void image_draft_free(struct image_draft *draft);

/* A read-only descriptor of a stored image; the caller closes it. ERR_IMAGE_UNKNOWN. */
enum error image_store_open_image(const struct image_store *store, const struct sha256 *digest,
                                  int *ret_fd, uint64_t *ret_size, struct fault *fault) MUST_USE;

#endif
