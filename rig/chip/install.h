/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The install of one image, from the license to the closed chip: what the boot ROM does.
 *
 * Order of calls: chip_install_new; chip_install_boot at each boot; then chip_install_take for each
 * command that belongs to an install. Everything is strict: the first refusal erases both memories
 * and leaves the chip open. Plaintext exists in RAM only, from a verified tag until flash is
 * programmed. Threads: owned by one thread.
 */
#ifndef RIG_CHIP_INSTALL_H
#define RIG_CHIP_INSTALL_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "rig/chip/license.h"
#include "rig/chip/link.h"
#include "rig/chip/state.h"

/* error 0: accepted; else a CHIP_ error and why, a literal of at most CHIP_SENTENCE_MAX_BYTES. */
struct chip_verdict {
    uint8_t error;
    const char *sentence;
};

#define CHIP_ACCEPTED ((struct chip_verdict){0, ""})

struct chip_install;

/* All three are borrowed. ERR_INTERNAL: memory. */
enum error chip_install_new(struct chip_state *state, const struct chip_rom *rom, EVP_PKEY *pair,
                            struct chip_install **ret_install) MUST_USE;
/* Cleanses. NULL is allowed. */
void chip_install_free(struct chip_install *install);

/*
 * Loads the chip's record and forgets all that is in RAM. True when an interrupted install was
 * found and erased; the phase is then CHIP_OPEN.
 */
bool chip_install_boot(struct chip_install *install);

/* True for the commands that chip_install_take knows. */
bool chip_install_knows(uint8_t command);

/* One command of an install. A refusal while the phase is CHIP_INSTALLING has erased all. */
struct chip_verdict chip_install_take(struct chip_install *install, uint8_t command,
                                      struct bytes payload);

#endif
