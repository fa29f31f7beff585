/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One connection, one frame, one answer. */
#include "raw_link.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/fault_message.h"
#include "core/frame.h"

#define FRAME_ID 7

int raw_connect(const struct hsm_rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, rig->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

enum error raw_ask(const struct hsm_rig *rig, struct bytes payload, const int *fds,
                   unsigned fd_count, struct fault *fault)
{
    struct frame frame;
    int fd = raw_connect(rig);
    ck_assert_int_eq(frame_send(fd, FRAME_ID, payload, fds, fd_count, deadline_in(RIG_WAIT_MS)),
                     ERR_OK);
    enum error e =
        frame_receive(fd, HSM_REQUEST_MAX_BYTES, false, RIG_WAIT_MS, RIG_WAIT_MS, &frame);
    (void)close(fd);
    if (e != ERR_OK)
        return e;
    ck_assert_uint_eq(frame.id, FRAME_ID);
    Provisiond__HsmReply *reply = provisiond__hsm_reply__unpack(NULL, frame.length, frame.payload);
    ck_assert_ptr_nonnull(reply);
    e = fault_from_message(reply->fault, fault);
    provisiond__hsm_reply__free_unpacked(reply, NULL);
    frame_clear(&frame);
    return e;
}

size_t raw_pack(const Provisiond__HsmRequest *request, uint8_t out[RAW_REQUEST_MAX])
{
    ck_assert_uint_le(provisiond__hsm_request__get_packed_size(request), RAW_REQUEST_MAX);
    return provisiond__hsm_request__pack(request, out);
}
