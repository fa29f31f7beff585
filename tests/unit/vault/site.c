/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Makes and asks the site that readers read. */
#include "site.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

struct site site;

char *site_text(const char *literal)
{
    return (char *)(uintptr_t)literal;
}

/* ---- what there is ---- */

static void license(size_t number, const char *product, const char *lot)
{
    char serial[32];
    Provisiond__LicenseRequest asked;
    Provisiond__LicenseContext context = PROVISIOND__LICENSE_CONTEXT__INIT;
    (void)snprintf(serial, sizeof serial, "SN-%zu", number);
    struct pki *device = pki_device(site.rig.maker, serial);
    vault_rig_license(&asked, product, pki_certificate(device));
    context.lot = site_text(lot);
    context.line = site_text("line-1");
    asked.context = &context;
    Provisiond__StationReply *reply =
        vault_rig_question(&site.rig, &site.rig.station, OP(LICENSE), &asked);
    vault_rig_expect(reply, ERR_OK, "");
    memcpy(site.installs[number].bytes, reply->license->install_id.data, UUID_SIZE);
    site.digests[number] =
        sha256_of(bytes_of(reply->license->license.data, reply->license->license.len));
    site.indexes[number] = reply->license->journal_index;
    vault_rig_free(reply);
    pki_free(device);
}

Provisiond__StationReply *site_report(const struct sha256 *caller, size_t number,
                                      Provisiond__OutcomeResult result)
{
    Provisiond__OutcomeRequest asked = PROVISIOND__OUTCOME_REQUEST__INIT;
    asked.install_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = site.installs[number].bytes};
    asked.result = result;
    asked.code = site_text("e1");
    return vault_rig_question(&site.rig, caller, OP(OUTCOME), &asked);
}

void site_set_up(void)
{
    static const char *const lots[SITE_DEVICES] = {"A", "A", "B", "", "A", "A"};
    vault_rig_make(&site.rig);
    vault_rig_start(&site.rig);
    site.narrow =
        vault_rig_enrol(&site.rig, "narrow", PROVISIOND__ROLE__ROLE_OPERATOR, "widget", NULL);
    site.auditor =
        vault_rig_enrol(&site.rig, "auditor", PROVISIOND__ROLE__ROLE_AUDITOR, NULL, NULL);
    site.near =
        vault_rig_enrol(&site.rig, "near", PROVISIOND__ROLE__ROLE_STATION, "widget gadget", NULL);
    site.far = vault_rig_enrol(&site.rig, "far", PROVISIOND__ROLE__ROLE_STATION, "gadget", NULL);
    for (size_t i = 0; i < SITE_DEVICES; i++)
        license(i, i < SITE_WIDGETS ? "widget" : "gadget", lots[i]);
    vault_rig_free(
        site_report(&site.rig.station, 0, PROVISIOND__OUTCOME_RESULT__OUTCOME_SUCCEEDED));
    vault_rig_free(site_report(&site.rig.station, 1, PROVISIOND__OUTCOME_RESULT__OUTCOME_FAILED));
}

void site_tear_down(void)
{
    vault_rig_remove(&site.rig);
}

Provisiond__StationReply *site_read_product(const struct sha256 *caller, const char *name)
{
    Provisiond__ProductReadRequest asked = PROVISIOND__PRODUCT_READ_REQUEST__INIT;
    asked.name = site_text(name);
    return vault_rig_question(&site.rig, caller, OP(PRODUCT_READ), &asked);
}

Provisiond__StationReply *site_read_images(const struct sha256 *caller, const char *product,
                                           struct sha256 *digest)
{
    Provisiond__ImageReadRequest asked = PROVISIOND__IMAGE_READ_REQUEST__INIT;
    asked.product = site_text(product);
    if (digest != NULL)
        asked.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
    return vault_rig_question(&site.rig, caller, OP(IMAGE_READ), &asked);
}

Provisiond__InstallListRequest site_any_install(void)
{
    Provisiond__InstallListRequest asked = PROVISIOND__INSTALL_LIST_REQUEST__INIT;
    asked.limit = LEDGER_PAGE_MAX;
    return asked;
}

Provisiond__StationReply *site_list(const struct sha256 *caller,
                                    Provisiond__InstallListRequest *asked)
{
    Provisiond__StationReply *reply =
        vault_rig_question(&site.rig, caller, OP(INSTALL_LIST), asked);
    return reply;
}

size_t site_count(const struct sha256 *caller, Provisiond__InstallListRequest *asked)
{
    Provisiond__StationReply *reply = site_list(caller, asked);
    vault_rig_expect(reply, ERR_OK, "");
    size_t n = reply->install_list->n_installs;
    vault_rig_free(reply);
    return n;
}

Provisiond__StationReply *site_read_stations(const struct sha256 *caller, const char *name,
                                             Provisiond__Role role)
{
    Provisiond__PrincipalListRequest asked = PROVISIOND__PRINCIPAL_LIST_REQUEST__INIT;
    asked.name = site_text(name);
    asked.role = role;
    return vault_rig_question(&site.rig, caller, OP(PRINCIPAL_LIST), &asked);
}
