/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl product crls. Owns no state. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/crl_input.h"
#include "cli/output.h"
#include "core/clock.h"

/* The vault's own limits. */
#define CRLS_MAX (1024 * 1024)
#define CAS_MAX  (32 * 1024)

static enum error read_files(const struct arguments *arguments, struct crl_input *input,
                             struct failure *failure)
{
    const char *paths[ARGUMENTS_LIST_MAX];
    const size_t count = arguments_list(arguments, OPTION_CRL_FILE, paths);
    enum error e = ERR_OK;
    if ((count == 0) != arguments_has(arguments, OPTION_NO_CRLS))
        return failure_set_usage(failure, "Give the lists with --file FILE, or --none to take them "
                                          "away");
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = crl_input_add(input, paths[i], failure);
    if (e == ERR_OK && count > 0 && BIO_pending(input->crls) == 0)
        e = failure_set_plain(failure, ERR_BAD_REQUEST,
                              "There is no revocation list in %s: CAs' certificates come "
                              "beside lists, with one more --file",
                              paths[0]);
    if (e == ERR_OK &&
        (BIO_pending(input->crls) > CRLS_MAX || BIO_pending(input->issuers) > CAS_MAX))
        e = failure_set_plain(failure, ERR_TOO_LARGE,
                              "The lists are more than 1 MiB of PEM together, or the CAs' "
                              "certificates more than 32 KiB");
    return e;
}

static ProtobufCBinaryData text_of(BIO *bio)
{
    char *data = NULL;
    const long length = BIO_get_mem_data(bio, &data);
    return (ProtobufCBinaryData){.data = (uint8_t *)data, .len = (size_t)length};
}

static enum error print_result(const struct arguments *arguments,
                               const Provisiond__ProductCrlsReply *reply, struct failure *failure)
{
    char until[TIMESTAMP_SIZE] = "";
    const char *product = arguments->operands[0];
    if (reply->until_unix_ms != 0)
        timestamp_format(reply->until_unix_ms, until);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I, s:b, s:o*}", "product", output_text(product),
                                     "crls", (json_int_t)reply->lists, "crls_wanted",
                                     (int)reply->wanted, "crls_valid_until",
                                     until[0] != '\0' ? output_text(until) : NULL),
                           failure);
    (void)printf("Product %s has %" PRIu32 " revocation list%s", product, reply->lists,
                 reply->lists == 1 ? "" : "s");
    if (until[0] != '\0')
        (void)printf(", good until %s.\n", until);
    else
        (void)printf(reply->wanted ? ": every device is refused until it has some.\n"
                                   : ". It does not ask for them (--crl-hours-max).\n");
    return ERR_OK;
}

static enum error ask(const struct arguments *arguments, const struct crl_input *input,
                      struct failure *failure)
{
    Provisiond__ProductCrlsRequest crls = PROVISIOND__PRODUCT_CRLS_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    crls.product = (char *)arguments->operands[0];
    crls.crls = text_of(input->crls);
    crls.issuers = text_of(input->issuers);
    crls.accept_older = arguments_has(arguments, OPTION_ACCEPT_OLDER);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CRLS;
    request.product_crls = &crls;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? print_result(arguments, reply->product_crls, failure) : e;
}

enum error command_product_crls(const struct arguments *arguments, struct failure *failure)
{
    struct crl_input input;
    enum error e = crl_input_new(&input, failure);
    if (e == ERR_OK)
        e = read_files(arguments, &input, failure);
    if (e == ERR_OK)
        e = ask(arguments, &input, failure);
    crl_input_free(&input);
    return e;
}
