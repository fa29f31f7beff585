/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a programming station does with one chip, from its certificate to the reported outcome.
 *
 * The license and the install's id are on the station's disk before the chip is touched. A chip
 * that loses power or its cable is tried again from the beginning, with the same license. An
 * outcome is reported only for a chip that has proved to be the one its certificate names: it
 * opened the license, or is closed with an image that this station installed. A chip that refuses
 * its license is a suspected clone, and what the true device reported stays as it is.
 *
 * Threads: the shared part is safe from any thread; a bench and its REST client belong to one.
 */
#ifndef RIG_STATION_INSTALL_H
#define RIG_STATION_INSTALL_H

#include <pthread.h>
#include <stdbool.h>

#include "rig/station/image.h"
#include "rig/station/memory.h"
#include "rig/station/rest.h"

#define STATION_CHIP_NAME_SIZE 65
#define STATION_CHIP_PATH_SIZE 101

/* A chip that sits in a programming socket. */
struct station_seat {
    char name[STATION_CHIP_NAME_SIZE];
    char path[STATION_CHIP_PATH_SIZE];
};

/* What all benches of a station share. */
struct station_shared {
    const char *product;
    unsigned tries; /* per chip, at least 1 */
    const struct station_memory *memory;
    struct station_images *images;
    pthread_mutex_t lock; /* guards what follows */
    bool has_image;       /* false: "latest", which the first license resolves for this run */
    struct sha256 image;
};

/* One programming socket. */
struct station_bench {
    struct station_shared *shared;
    struct station_rest *rest;
    unsigned number;
};

enum station_end {
    STATION_SUCCEEDED,
    STATION_FAILED,
    STATION_ASIDE,
    STATION_QUOTA_SPENT,
    STATION_UNREACHABLE, /* the service: the chip can be seated again later */
    STATION_STOPPED,     /* the station shall stop: likewise */
    STATION_ENDS
};

/* Ends with one of the events succeeded, failed, aside, quota-spent; STATION_STOPPED has none. */
enum station_end station_install_chip(const struct station_bench *bench,
                                      const struct station_seat *seat);

#endif
