/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Commands to a chip, one at a time, each with a deadline. What it answers is hostile. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "rig/station/control.h"
#include "rig/station/work.h"

#define CONNECT_TIMEOUT_MS 5000 /* a chip that lost power boots and erases meanwhile */
#define CONNECT_PAUSE_MS   20
#define COMMAND_TIMEOUT_MS 10000
#define PROGRESS_STEP      10 /* percent */

enum verdict work_again(struct work *work, const char *reason)
{
    (void)snprintf(work->reason, sizeof work->reason, "%s", reason);
    return VERDICT_AGAIN;
}

enum verdict work_end(struct work *work, enum station_end end, const char *reason)
{
    work->end = end;
    (void)snprintf(work->reason, sizeof work->reason, "%s", reason);
    return VERDICT_END;
}

enum verdict chip_connect(struct work *work)
{
    deadline_ms deadline = deadline_in(CONNECT_TIMEOUT_MS);
    while (chip_link_connect(work->seat->path, &work->link) != ERR_OK) {
        work->link = -1;
        if (deadline_left_ms(deadline) == 0)
            return work_again(work, "no-chip");
        if (!station_control_pause(CONNECT_PAUSE_MS))
            return work_end(work, STATION_STOPPED, "stopped");
    }
    return VERDICT_GO_ON;
}

void chip_disconnect(struct work *work)
{
    if (work->link >= 0)
        (void)close(work->link);
    work->link = -1;
}

/* Some refusals pass: noise on the line, or a chip that is about to reset itself. */
static enum verdict judge_refusal(struct work *work, const struct chip_frame *reply)
{
    uint8_t error = chip_link_refusal(reply).error;
    switch (error) {
    case CHIP_BAD_FRAME:
    case CHIP_WRONG_PHASE:
        return work_again(work, chip_error_name(error));
    case CHIP_LICENSE_REFUSED:
        return work_end(work, STATION_ASIDE, chip_error_name(error));
    default:
        return work_end(work, STATION_FAILED, chip_error_name(error));
    }
}

static enum verdict judge_link(struct work *work, enum error e)
{
    if (e == ERR_TIMEOUT)
        return work_again(work, "no-answer");
    return work_again(work, e == ERR_LINK_CLOSED ? "connection-lost" : "bad-bytes");
}

static enum verdict command(struct work *work, enum chip_command what, struct bytes payload,
                            struct chip_frame *ret_reply)
{
    if (station_control_is_stopping())
        return work_end(work, STATION_STOPPED, "stopped");
    station_control_step();
    enum error e =
        chip_link_request(work->link, what, payload, deadline_in(COMMAND_TIMEOUT_MS), ret_reply);
    station_control_step();
    if (e != ERR_OK)
        return judge_link(work, e);
    return ret_reply->code == CHIP_NACK ? judge_refusal(work, ret_reply) : VERDICT_GO_ON;
}

enum verdict chip_read_status(struct work *work)
{
    struct chip_frame reply;
    enum verdict verdict = command(work, CHIP_STATUS, bytes_of(NULL, 0), &reply);
    if (verdict != VERDICT_GO_ON)
        return verdict;
    if (reply.length != CHIP_STATUS_BYTES || reply.payload[0] > CHIP_CLOSED)
        return work_again(work, "bad-bytes");
    work->phase = reply.payload[0];
    memcpy(work->tag, reply.payload + 3, sizeof work->tag);
    return VERDICT_GO_ON;
}

/* What another chip in the same socket had shown shall not count for this one. */
static void set_certificate(struct work *work, const uint8_t *certificate)
{
    if (memcmp(work->kept.certificate, certificate, sizeof work->kept.certificate) != 0) {
        work->has_license = false;
        work->is_proven = false;
    }
    memcpy(work->certificate, certificate, sizeof work->certificate);
}

enum verdict chip_read_certificate(struct work *work)
{
    struct chip_frame reply;
    enum verdict verdict = command(work, CHIP_CERTIFICATE, bytes_of(NULL, 0), &reply);
    if (verdict != VERDICT_GO_ON)
        return verdict;
    if (reply.length != sizeof work->certificate)
        return work_again(work, "bad-bytes");
    set_certificate(work, reply.payload);
    return VERDICT_GO_ON;
}

static enum verdict send_content(struct work *work, struct bytes content)
{
    struct chip_frame reply;
    enum verdict verdict = VERDICT_GO_ON;
    while (verdict == VERDICT_GO_ON && content.length > 0) {
        size_t n =
            content.length < CHIP_PAYLOAD_MAX_BYTES ? content.length : CHIP_PAYLOAD_MAX_BYTES;
        verdict = command(work, CHIP_DATA, bytes_of(content.data, n), &reply);
        content = bytes_of(content.data + n, content.length - n);
    }
    return verdict;
}

/* One event per tenth of the image. */
static void tell_progress(const struct work *work, size_t done, unsigned *told)
{
    unsigned percent = (unsigned)(done * 100 / work->image->content.length);
    if (percent / PROGRESS_STEP == *told / PROGRESS_STEP)
        return;
    *told = percent;
    station_event(work->bench->number, work->seat->name, "installing", "%u%%", percent);
}

static enum verdict send_areas(struct work *work)
{
    struct chip_frame reply;
    struct station_area area;
    size_t offset = 0;
    unsigned told = 0;
    enum verdict verdict = VERDICT_GO_ON;
    while (verdict == VERDICT_GO_ON && station_image_next(work->image, &offset, &area)) {
        verdict = command(work, CHIP_AREA, area.header, &reply);
        if (verdict == VERDICT_GO_ON)
            verdict = send_content(work, area.content);
        if (verdict == VERDICT_GO_ON)
            tell_progress(work, offset, &told);
    }
    return verdict;
}

enum verdict chip_program(struct work *work)
{
    struct chip_frame reply;
    station_event(work->bench->number, work->seat->name, "installing", "0%%");
    enum verdict verdict = command(work, CHIP_LICENSE,
                                   bytes_of(work->kept.license, sizeof work->kept.license), &reply);
    if (verdict != VERDICT_GO_ON)
        return verdict;
    work->is_proven = true;
    verdict =
        command(work, CHIP_HEADER, bytes_of(work->image->content.data, CHIP_HEADER_BYTES), &reply);
    return verdict == VERDICT_GO_ON ? send_areas(work) : verdict;
}
