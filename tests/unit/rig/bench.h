/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A test bench: the real rig-chip on a folder of the test's own, and a programmer at its socket.
 * Whatever cannot be set up fails the test. Threads: none.
 */
#ifndef TESTS_UNIT_RIG_BENCH_H
#define TESTS_UNIT_RIG_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "rig/chip/link.h"
#include "sfi.h"
#include "support/pki.h"
#include "support/temp_dir.h"

#define BENCH_PRODUCT_ID "45002001"
#define BENCH_LOST       (-1) /* the answer of a chip without power, or without a connection */

struct bench {
    struct temp_dir temp;
    char chip[TEMP_PATH_MAX]; /* the state folder */
    char socket[TEMP_PATH_MAX];
    struct pki *st_ca;
    struct pki *x509_ca;
    uint8_t certificate[CHIP_CERTIFICATE_BYTES];
    pid_t pid;
    FILE *out; /* what the chip prints */
    int link;  /* -1: not connected */
};

/* Makes CAs and a chip "chip" with both certificates; it does not run yet. */
void bench_set_up(struct bench *bench);
/* Kills what runs and removes all. */
void bench_tear_down(struct bench *bench);

/* Runs rig-chip with words (NULL at the end) and returns its exit status; output to the file "out".
 */
int bench_run(const struct bench *bench, const char *const *words);
/* Reads a file of the bench's folder; its length. */
size_t bench_read_file(const struct bench *bench, const char *name, uint8_t *out, size_t max);

/* Starts the chip with two more words (NULL: none), waits for "ready" and connects. */
void bench_start(struct bench *bench, const char *option, const char *value);
/* The same, without waiting: the chip may die in its boot. */
void bench_power(struct bench *bench, const char *option, const char *value);
/* The next line that begins with word, as a copy; NULL when the chip died first. */
const char *bench_expect_line(struct bench *bench, const char *word);
void bench_connect(struct bench *bench);
void bench_disconnect(struct bench *bench);
/* SIGTERM; the number of steps that the chip reports. */
unsigned long bench_stop(struct bench *bench);
/* Waits for a chip that has cut its own power. */
void bench_wait_for_cut(struct bench *bench);
/* A chip that has just left the factory again: phase, flash. It must not run. */
void bench_renew(struct bench *bench);
/* The phase in the folder of a chip without power. */
enum chip_phase bench_phase(const struct bench *bench);

/* One command: 0 for ACK, the error of a NACK, or BENCH_LOST. */
int bench_ask(struct bench *bench, enum chip_command command, struct bytes payload,
              struct chip_frame *ret_reply);
int bench_tell(struct bench *bench, enum chip_command command, struct bytes payload);
struct chip_frame bench_status(struct bench *bench);
int bench_read(struct bench *bench, uint32_t address, uint16_t length,
               struct chip_frame *ret_reply);
/* Content in frames of at most 4096 bytes. */
int bench_send_content(struct bench *bench, enum chip_command command, struct bytes content);

/* License and image, as a programmer sends them; the first answer that is no ACK, or 0. */
int bench_install(struct bench *bench, const uint8_t license[CHIP_LICENSE_BYTES],
                  const struct sfi_image *image);
int bench_send_area(struct bench *bench, const struct sfi_part *part);

/* The flash files hold 0xff only. */
bool bench_is_erased(const struct bench *bench);
/* Reads both memories through the debug port: 0xff only, everywhere. */
void bench_expect_nothing_to_read(struct bench *bench);

/* ---- a firmware of 24 small areas ---- */

#define FIRMWARE_AREAS 24

struct firmware {
    uint8_t content[FIRMWARE_AREAS][512];
    struct sfi_area areas[FIRMWARE_AREAS];
};

/* 16 F areas, a pause, 5 E areas, the configuration. */
void firmware_make(struct firmware *firmware);
/* The files hold exactly this firmware, its option bytes and the image's tag; the chip is closed.
 */
void firmware_expect_installed(const struct bench *bench, const struct firmware *firmware,
                               const struct sfi_image *image);

#endif
