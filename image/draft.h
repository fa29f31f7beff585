/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two kinds of drafts. image_draft_new takes a nameless one where the file system has them and
 * a named one elsewhere. Private to image/ and its tests.
 */
#ifndef IMAGE_DRAFT_H
#define IMAGE_DRAFT_H

#include "image/image_store.h"

/* Names of drafts begin so; image_store_open removes what it finds under such a name. */
#define IMAGE_DRAFT_PREFIX "draft-"

/* O_TMPFILE. ERR_UNSUPPORTED when this file system has no nameless files. */
enum error image_draft_new_nameless(struct image_store *store, struct image_draft **ret_draft,
                                    struct fault *fault) MUST_USE;
/* "draft-" and a random name. */
enum error image_draft_new_named(struct image_store *store, struct image_draft **ret_draft,
                                 struct fault *fault) MUST_USE;

#endif
