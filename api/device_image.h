/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The answer that is one device's image: the beginning of a stored image, and a tail of the
 * device's own (vault/device_image.h). It is read as the client takes it, and is never whole in
 * memory. Threads: the request's event loop.
 */
#ifndef API_DEVICE_IMAGE_H
#define API_DEVICE_IMAGE_H

#include <microhttpd.h>

#include "api/request.h"

#define DEVICE_IMAGE_MEDIA_TYPE "application/vnd.provisiond.device-image"
#define DEVICE_IMAGE_TAIL_MAX   65535

/* Of request->file, as much as result.license.image_tail_at says, and request->kept; takes both
 * over. NULL: memory is out. */
struct MHD_Response *device_image_response(struct request *request);

#endif
