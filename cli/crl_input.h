/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files with revocation lists, as a CA publishes them: PEM with any number of lists and of
 * certificates of CAs that signed them, or one list in DER. Threads: main thread.
 */
#ifndef CLI_CRL_INPUT_H
#define CLI_CRL_INPUT_H

#include <openssl/bio.h>

#include "cli/failure.h"

/* PEM texts that grow with each file; free with crl_input_free. */
struct crl_input {
    BIO *crls;
    BIO *issuers;
};

enum error crl_input_new(struct crl_input *ret_input, struct failure *failure) MUST_USE;
/* Refused: what is neither list nor certificate, and a file of more than 1 MiB. */
enum error crl_input_add(struct crl_input *input, const char *path,
                         struct failure *failure) MUST_USE;
/* Also one that was never made. */
void crl_input_free(struct crl_input *input);

#endif
