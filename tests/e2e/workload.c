/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* bench/crowd.h with one station's certificate for all members. */
#include "e2e/workload.h"

#include <stdlib.h>

#include <check.h>

#include "bench/crowd.h"
#include "bench/stations.h"
#include "support/pki.h"

#define CONNECTIONS 8
#define DRIVE_MS    50

struct work {
    struct crowd *crowd;
    struct devices devices;
    size_t next;
    size_t asked[CONNECTIONS]; /* which device each one asks for */
};

static void send_next(struct work *work, size_t member)
{
    if (work->next == work->devices.count)
        return;
    work->asked[member] = work->next++;
    crowd_send(work->crowd, member, "/v1/licenses", work->devices.bodies[work->asked[member]]);
}

static void take(void *context, const struct crowd_answer *answer)
{
    struct work *work = context;
    if (answer->status == 503) { /* "later" */
        crowd_send(work->crowd, answer->member, "/v1/licenses",
                   work->devices.bodies[work->asked[answer->member]]);
        return;
    }
    ck_assert_msg(answer->status == 201, "status %ld: %.300s", answer->status, answer->body);
    send_next(work, answer->member);
}

void workload_license(const struct rig *rig, const char *prefix, size_t count)
{
    struct work work = {0};
    struct pki *station = pki_load(rig->station_cert, rig->station_key);
    const struct crowd_member member = {.certificate = pki_certificate(station),
                                        .key = pki_key(station)};
    ck_assert_int_eq(rig_shell(rig,
                               "$BIN/provctl --config $RIG_CONFIG quota add $RIG_PRODUCT "
                               "--units %zu >/dev/null",
                               count),
                     0);
    devices_make(rig, prefix, count, &work.devices);
    work.crowd = crowd_new(rig->url, rig->ca, take, &work);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        crowd_join(work.crowd, &member);
        send_next(&work, i);
    }
    while (crowd_busy(work.crowd) > 0)
        crowd_drive(work.crowd, DRIVE_MS);
    crowd_free(work.crowd);
    devices_clear(&work.devices);
    pki_free(station);
}
