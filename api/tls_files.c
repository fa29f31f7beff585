/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One after the other. Owns no state. */
#include "api/tls_files.h"

enum error tls_files_load(const struct config_api *config, struct tls_files *ret_files,
                          struct fault *fault)
{
    struct tls_files files = {0};
    enum error e = server_certificate_new(config, &files.certificate, fault);
    if (e == ERR_OK)
        e = tls_client_ca_load(config->client_ca, &files.ca, fault);
    if (e == ERR_OK)
        e = trust_new(&files.ca, &files.trust, fault);
    if (e == ERR_OK)
        e = crl_new(config->client_crl, files.ca.text, &files.crl, fault);
    if (e != ERR_OK) {
        tls_files_clear(&files);
        return e;
    }
    *ret_files = files;
    return ERR_OK;
}

void tls_files_clear(struct tls_files *files)
{
    server_certificate_free(files->certificate);
    tls_client_ca_clear(&files->ca);
    trust_free(files->trust);
    crl_free(files->crl);
    *files = (struct tls_files){0};
}
