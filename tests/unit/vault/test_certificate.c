/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The key of a station's certificate is what openssl says it is. */
#include "vault/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/pki.h"
#include "support/run.h"
#include "support/temp_dir.h"

static struct bytes text_of(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* SHA-256 of the DER SubjectPublicKeyInfo, by the openssl command. */
static void ask_openssl(const struct temp_dir *dir, const struct pki *station, char hex[65])
{
    char path[TEMP_PATH_MAX];
    char command[512];
    temp_dir_path(dir, "station.pem", path);
    pki_write_certificate(station, path);
    (void)snprintf(command, sizeof command,
                   "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | "
                   "sha256sum",
                   path);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(fread(hex, 1, 64, pipe), 64);
    hex[64] = '\0';
    (void)pclose(pipe);
}

START_TEST(the_key_is_the_one_that_openssl_sees)
{
    struct temp_dir dir;
    struct sha256 spki;
    struct fault fault;
    char expected[65];
    char found[SHA256_HEX_SIZE];
    temp_dir_make(&dir);
    struct pki *ca = pki_root("Stations");
    struct pki *station = pki_client(ca, "station-1");
    ask_openssl(&dir, station, expected);
    ck_assert_int_eq(certificate_spki(text_of(pki_certificate(station)), &spki, &fault), ERR_OK);
    hex_encode(bytes_of(spki.bytes, sizeof spki.bytes), found);
    ck_assert_str_eq(found, expected);
    pki_free(station);
    pki_free(ca);
    temp_dir_remove(&dir);
}
END_TEST

START_TEST(what_is_no_certificate_is_refused)
{
    struct sha256 spki;
    struct fault fault;
    struct pki *ca = pki_root("Stations");
    char *huge = calloc(1, CERTIFICATE_PEM_MAX_BYTES + 2);
    memset(huge, '\n', CERTIFICATE_PEM_MAX_BYTES + 1);
    ck_assert_int_eq(certificate_spki(text_of(""), &spki, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(certificate_spki(text_of("garbage"), &spki, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(certificate_spki(text_of(pki_key(ca)), &spki, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(certificate_spki(text_of(huge), &spki, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "not-a-certificate");
    free(huge);
    pki_free(ca);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_key_is_the_one_that_openssl_sees,
        what_is_no_certificate_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "certificate", .timeout_s = 30, .tests = tests});
}
