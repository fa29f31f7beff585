/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CAs, device certificates and TLS certificates for tests, made by libcrypto when they are needed.
 *
 *     struct pki *root = pki_new(NULL, &(struct pki_options){.is_ca = true, .name = "Root"});
 *     struct pki *device = pki_new(root, &(struct pki_options){.serial = "SN-1"});
 *     device_check(anchors, bytes_of(pki_certificate(device), …
 *     pki_free(device);
 *     pki_free(root);
 *
 * All options have usable defaults at zero. Whatever cannot be made fails the test.
 * Threads: one identity belongs to one thread.
 */
#ifndef TESTS_SUPPORT_PKI_H
#define TESTS_SUPPORT_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pki_key_type {
    PKI_P256,
    PKI_P384,
    PKI_RSA_2048,
    PKI_RSA_1024,
    PKI_RSA_3072,
    PKI_RSA_4096,
    PKI_RSA_4104, /* more than a device may have */
    PKI_RSA_EVEN, /* with the public exponent 65536; there is no private key, as with the next */
    PKI_RSA_LONG, /* 2^64 + 1 */
    PKI_RSA_ONE,  /* 1 */
    PKI_RSA_EVEN_MODULUS,
    PKI_ED25519,
    PKI_X25519,
    PKI_X25519_ZERO, /* the point 0, of small order; there is no private key */
};
enum pki_digest { PKI_SHA256, PKI_SHA1, PKI_MD5 };

/*
 * What a certificate shall look like. The extension texts are those of openssl's configuration
 * (x509v3_config(5)), such as "critical,keyAgreement"; NULL is the default, "" is no extension.
 */
struct pki_options {
    const char *name;            /* commonName; NULL or "": none */
    const char *serial;          /* subject serialNumber (2.5.4.5); NULL: none */
    const char *second_serial;   /* one more of them */
    const char *hardware_serial; /* hex of hwSerialNum in a critical hardwareModuleName SAN */
    enum pki_key_type key;       /* default P-256 */
    const struct pki *same_key;  /* whose key it has; NULL: one of its own */
    bool is_compressed;          /* the EC point in compressed form */
    bool is_ca;

    int64_t not_before;     /* Unix seconds; 0: a day ago */
    int64_t not_after;      /* Unix seconds; 0: in ten years */
    bool is_without_expiry; /* notAfter 99991231235959Z */

    enum pki_digest digest;         /* default SHA-256; MD5 needs an RSA issuer */
    const char *certificate_serial; /* hex, "-" before it for a negative; NULL: random, 16 bytes */
    bool is_forged;                 /* signed by a stranger in the issuer's name */

    const char *basic_constraints;  /* default "critical,CA:TRUE" or "critical,CA:FALSE" */
    const char *key_usage;          /* default keyCertSign, cRLSign, or digitalSignature,
                                       keyAgreement; critical */
    const char *extended_key_usage; /* default none */
    const char *alternative_names;  /* default none */
    const char *name_constraints;   /* default none */
    const char *key_identifiers;    /* "": neither subject nor authority key identifier */
    const char *authority_key;      /* default "keyid:always"; "DER:…" names any other key */
    const char *unknown_extension;  /* "critical,DER:05:00": of an OID nobody knows */
};

/* A certificate with its private key. */
struct pki;

/* Issued by issuer, or self-signed when issuer is NULL. Free with pki_free. */
struct pki *pki_new(const struct pki *issuer, const struct pki_options *options);
/* One that somebody else made, from its two PEM files. Free with pki_free. */
struct pki *pki_load(const char *certificate_file, const char *key_file);
/* NULL is allowed. */
void pki_free(struct pki *pki);

/* A root CA with that name and no options. */
struct pki *pki_root(const char *name);
/* A device of that serial number, as a factory would issue it. */
struct pki *pki_device(const struct pki *issuer, const char *serial);
/* TLS server for localhost, 127.0.0.1 and ::1. */
struct pki *pki_server(const struct pki *issuer);
/* TLS client with that common name. */
struct pki *pki_client(const struct pki *issuer, const char *name);

/* PEM text with a NUL; borrowed. The key is unencrypted PKCS#8. */
const char *pki_certificate(const struct pki *pki);
const char *pki_key(const struct pki *pki);

/* The certificates of all of them in a row; count of them, the caller frees the text. */
char *pki_chain(const struct pki *const *list, size_t count);

/*
 * A revocation list of issuer as PEM text, which the caller frees: times in Unix seconds,
 * next_update 0 in a day; revoked may be NULL.
 */
char *pki_crl(const struct pki *issuer, const struct pki *revoked, int64_t this_update,
              int64_t next_update);

/* The same texts into files, the key with mode 0600. */
void pki_write_certificate(const struct pki *pki, const char *path);
void pki_write_key(const struct pki *pki, const char *path);

#endif
