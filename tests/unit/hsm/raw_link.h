/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The HSM socket without hsm_client: whatever bytes a test likes. */
#ifndef TESTS_UNIT_HSM_RAW_LINK_H
#define TESTS_UNIT_HSM_RAW_LINK_H

#include "core/bytes.h"
#include "core/error.h"
#include "hsm.pb-c.h"
#include "hsm_rig.h"

#define RAW_REQUEST_MAX 8192

/* A connection; the caller closes it. */
int raw_connect(const struct hsm_rig *rig);
/* The fault that one payload is answered with; ERR_LINK_CLOSED when there is no answer. */
enum error raw_ask(const struct hsm_rig *rig, struct bytes payload, const int *fds,
                   unsigned fd_count, struct fault *fault);
size_t raw_pack(const Provisiond__HsmRequest *request, uint8_t out[RAW_REQUEST_MAX]);

#endif
