/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The order of things for one chip. */
#include "rig/station/install.h"

#include "rig/station/control.h"
#include "rig/station/work.h"

#define PAUSE_MIN_MS 50 /* before the second try; doubles */

/* One try, from the chip's status to its last area. */
static enum verdict try_once(struct work *work)
{
    enum verdict verdict = chip_connect(work);
    if (verdict == VERDICT_GO_ON)
        verdict = chip_read_status(work);
    if (verdict == VERDICT_GO_ON)
        verdict = chip_read_certificate(work);
    if (verdict == VERDICT_GO_ON && work->phase == CHIP_CLOSED)
        return service_recognise_closed(work);
    if (verdict == VERDICT_GO_ON)
        verdict = service_get_license(work);
    if (verdict == VERDICT_GO_ON)
        verdict = service_get_image(work);
    if (verdict == VERDICT_GO_ON)
        verdict = chip_program(work);
    return verdict == VERDICT_GO_ON ? work_end(work, STATION_SUCCEEDED, "closed") : verdict;
}

static void install(struct work *work)
{
    int64_t pause = PAUSE_MIN_MS;
    for (unsigned number = 1;; number++) {
        enum verdict verdict = try_once(work);
        if (verdict == VERDICT_END)
            return;
        if (number >= work->bench->shared->tries) {
            work->end = STATION_FAILED; /* the reason is the last try's */
            return;
        }
        station_event(work->bench->number, work->seat->name, "retrying", "%s try=%u", work->reason,
                      number + 1);
        chip_disconnect(work);
        if (!station_control_pause(pause)) {
            (void)work_end(work, STATION_STOPPED, "stopped");
            return;
        }
        pause *= 2;
    }
}

static void tell_end(const struct work *work)
{
    static const char *const events[STATION_ENDS] = {
        [STATION_SUCCEEDED] = "succeeded", [STATION_FAILED] = "failed",
        [STATION_ASIDE] = "aside",         [STATION_QUOTA_SPENT] = "quota-spent",
        [STATION_UNREACHABLE] = "failed",
    };
    if (events[work->end] == NULL)
        return;
    if (work->end == STATION_SUCCEEDED || work->end == STATION_QUOTA_SPENT)
        station_event(work->bench->number, work->seat->name, events[work->end], NULL);
    else
        station_event(work->bench->number, work->seat->name, events[work->end], "%s", work->reason);
}

enum station_end station_install_chip(const struct station_bench *bench,
                                      const struct station_seat *seat)
{
    struct work work = {.bench = bench, .seat = seat, .link = -1};
    station_event(bench->number, seat->name, "seated", NULL);
    install(&work);
    chip_disconnect(&work);
    (void)service_report(&work);
    tell_end(&work);
    return work.end;
}
