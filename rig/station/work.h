/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The state of one chip on a bench, between station_install.c (the order of things), station_chip.c
 * (commands to the chip) and station_service.c (questions to the service). Each step ends in a
 * verdict. Threads: a work belongs to its bench's thread.
 */
#ifndef RIG_STATION_WORK_H
#define RIG_STATION_WORK_H

#include "rig/station/event.h"
#include "rig/station/install.h"

enum verdict {
    VERDICT_GO_ON,
    VERDICT_AGAIN, /* from the beginning; work->reason says why */
    VERDICT_END    /* work->end and work->reason say how */
};

struct work {
    const struct station_bench *bench;
    const struct station_seat *seat;
    int link; /* to the chip; -1 */
    uint8_t phase;
    uint8_t tag[CHIP_TAG_BYTES]; /* of a closed chip's image */
    uint8_t certificate[STATION_CERTIFICATE_BYTES];
    const struct station_image *image;
    struct station_kept kept; /* the license, when has_license */
    bool has_license;
    bool is_proven; /* the chip opened the license, or carries what it was for */
    enum station_end end;
    char reason[STATION_WORD_SIZE];
};

/* For a step's last line. reason is cut to its size. */
enum verdict work_again(struct work *work, const char *reason);
enum verdict work_end(struct work *work, enum station_end end, const char *reason);

/* ---- the chip (station_chip.c) ---- */

/* Waits until the chip listens. */
enum verdict chip_connect(struct work *work);
void chip_disconnect(struct work *work);
enum verdict chip_read_status(struct work *work);
enum verdict chip_read_certificate(struct work *work);
/* License, header, areas. */
enum verdict chip_program(struct work *work);

/* ---- the service (station_service.c) ---- */

/* The license that is kept, or a new one, kept. */
enum verdict service_get_license(struct work *work);
/* The image of the license. */
enum verdict service_get_image(struct work *work);
/* Whether the closed chip carries an image that this station has a license for. */
enum verdict service_recognise_closed(struct work *work);
/* Tells the outcome, when there is one to tell; VERDICT_GO_ON when it is known there. */
enum verdict service_report(struct work *work);

#endif
