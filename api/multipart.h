/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forms of the media type multipart/form-data (RFC 7578) that have exactly one part: a small file.
 *
 * libmicrohttpd parses; what it would let pass is refused here: a boundary that RFC 2046 does not
 * allow, an encoded part, parts inside a part, a part of another name, the same part twice, a body
 * that ends before its last boundary. Threads: the request's event loop; no state is kept.
 */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "api/api_limits.h"
#include "api/json_reader.h"
#include "core/bytes.h"
#include "core/error.h"

/* What is read; borrowed for the call. */
struct multipart_form {
    struct MHD_Connection *connection; /* its Content-Type tells the boundary */
    struct bytes body;                 /* whole, at most API_FORM_MAX_BYTES */
    const char *field;                 /* the name of the one part; a literal */
};

struct multipart_part {
    uint8_t data[API_ST_CERT_MAX_BYTES];
    size_t length; /* at least 1 */
};

/*
 * ERR_BAD_REQUEST with the reason "boundary", "broken-form", "nested-form", "unnamed-part",
 * "unknown-part", "duplicate-part", "encoded-part", "empty-part" or "part-missing"; ERR_TOO_LARGE
 * with "part-too-large"; ERR_BUSY for lack of memory. *ret_path is the name of the part, if it is a
 * part that is wrong and its name is a plain one, otherwise "".
 */
enum error multipart_read(const struct multipart_form *form, struct multipart_part *ret_part,
                          struct json_path *ret_path, struct fault *fault) MUST_USE;

#endif
