/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who a chip is: its key pair, and the certificates that its maker gave it.
 *
 * The private key lies in the file fuses.pem of the state folder; no command of the protocol reads
 * it. Order of calls: chip_identity_make or chip_identity_clone once in a folder's life;
 * chip_identity_load and chip_identity_clear in a process. Threads: owned by one thread.
 */
#ifndef RIG_CHIP_IDENTITY_H
#define RIG_CHIP_IDENTITY_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "core/bytes.h"
#include "core/error.h"
#include "rig/chip/link.h"

#define CHIP_X509_MAX_BYTES   2048
#define CHIP_PRODUCT_ID_BYTES 8
#define CHIP_ID_SIZE          (CHIP_PRODUCT_ID_BYTES + 1 + 32 + 1)

/* How a chip is made; texts are borrowed. */
struct chip_order {
    const char *st_ca; /* file: private P-256 key in PEM */
    const char *product_id;
    bool signs_key_only;
    const char *x509_ca; /* files: certificate and key in PEM; both NULL: no X.509 certificate */
    const char *x509_ca_key;
    const char *serial; /* subject serialNumber of the X.509 certificate */
};

struct chip_identity {
    EVP_PKEY *pair;
    uint8_t certificate[CHIP_CERTIFICATE_BYTES];
    uint8_t x509[CHIP_X509_MAX_BYTES];
    size_t x509_length; /* 0: the chip has none */
};

/* Writes key and certificates into a folder that has none. ERR_CONFIG with a reason. */
enum error chip_identity_make(const char *folder, const struct chip_order *order,
                              struct fault *fault) MUST_USE;

/* Copies the certificates of another chip's folder, and makes a key that is not theirs. */
enum error chip_identity_clone(const char *from, const char *folder, struct fault *fault) MUST_USE;

enum error chip_identity_load(const char *folder, struct chip_identity *ret_identity,
                              struct fault *fault) MUST_USE;
void chip_identity_clear(struct chip_identity *identity);

/* The chip's name in the journal: product ID, dash, 32 digits of its SPKI's SHA-256. */
void chip_identity_name(const struct chip_identity *identity, char out[CHIP_ID_SIZE]);

#endif
