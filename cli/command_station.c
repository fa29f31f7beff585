/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl station add, list, enable and disable. Owns no state. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/certificate.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"

static enum error ask_add(const struct arguments *arguments, char *certificate,
                          struct sha256 *ret_spki, struct failure *failure)
{
    Provisiond__StationAddRequest add = PROVISIOND__STATION_ADD_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    add.name = (char *)arguments->operands[0];
    add.certificate =
        (ProtobufCBinaryData){.data = (uint8_t *)certificate, .len = strlen(certificate)};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STATION_ADD;
    request.station_add = &add;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = admin_read_digest(reply->station_add->spki, ret_spki, failure);
    return e;
}

/* It is added all the same: it may be renewed with the same key, or the clock be wrong. */
static void warn_of_certificate(const char *path, const char *pem)
{
    const char *complaints[CERTIFICATE_COMPLAINTS_MAX];
    char escaped[PATH_MAX];
    size_t count = certificate_complain(pem, complaints);
    text_escape(path, escaped, sizeof escaped);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(stderr,
                      "provctl: warning: no station can connect with the certificate %s: %s\n",
                      escaped, complaints[i]);
}

enum error command_station_add(const struct arguments *arguments, struct failure *failure)
{
    char *certificate = NULL;
    struct sha256 spki;
    char key[SHA256_HEX_SIZE];
    const char *name = arguments->operands[0];
    enum error e =
        file_input_read_pem(arguments_get(arguments, OPTION_CERTIFICATE), &certificate, failure);
    if (e == ERR_OK)
        e = ask_add(arguments, certificate, &spki, failure);
    if (e == ERR_OK)
        warn_of_certificate(arguments_get(arguments, OPTION_CERTIFICATE), certificate);
    free(certificate);
    if (e != ERR_OK)
        return e;
    hex_encode(bytes_of(spki.bytes, SHA256_SIZE), key);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:s}", "station", output_text(name), "spki", key),
                           failure);
    (void)printf("Station %s added, known by key %s.\n", name, key);
    return ERR_OK;
}

/* ---- the list ---- */

static enum error check_stations(const Provisiond__StationListReply *list, struct failure *failure)
{
    struct sha256 spki;
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_stations && e == ERR_OK; i++)
        e = admin_read_digest(list->stations[i]->spki, &spki, failure);
    return e;
}

static enum error print_stations_json(const Provisiond__StationListReply *list,
                                      struct failure *failure)
{
    json_t *array = json_array();
    char key[SHA256_HEX_SIZE];
    for (size_t i = 0; i < list->n_stations; i++) {
        const Provisiond__StationEntry *station = list->stations[i];
        hex_encode(bytes_of(station->spki.data, SHA256_SIZE), key);
        (void)json_array_append_new(array,
                                    json_pack("{s:o, s:b, s:s}", "name", output_text(station->name),
                                              "enabled", (int)station->enabled, "spki", key));
    }
    return output_json(json_pack("{s:o}", "stations", array), failure);
}

static enum error print_stations(const Provisiond__StationListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"STATION", false}, {"STATE", false}, {"KEY", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    char key[SHA256_HEX_SIZE];
    for (size_t i = 0; i < list->n_stations; i++) {
        const Provisiond__StationEntry *station = list->stations[i];
        hex_encode(bytes_of(station->spki.data, SHA256_SIZE), key);
        table_add_row(
            table, (const char *[]){station->name, station->enabled ? "enabled" : "disabled", key});
    }
    output_note_empty(list->n_stations, "stations");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_station_list(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__StationListRequest list = PROVISIOND__STATION_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STATION_LIST;
    request.station_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_stations(reply->station_list, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_stations_json(reply->station_list, failure)
                                                 : print_stations(reply->station_list, failure);
}

/* ---- enable and disable ---- */

static enum error set_enabled(const struct arguments *arguments, bool is_enabled,
                              struct failure *failure)
{
    Provisiond__StationEnableRequest enable = PROVISIOND__STATION_ENABLE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    enable.name = (char *)arguments->operands[0];
    enable.enabled = is_enabled;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STATION_ENABLE;
    request.station_enable = &enable;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:b}", "station", output_text(enable.name), "enabled",
                                     (int)is_enabled),
                           failure);
    (void)printf("Station %s is %s.\n", enable.name, is_enabled ? "enabled" : "disabled");
    return ERR_OK;
}

enum error command_station_enable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, true, failure);
}

enum error command_station_disable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, false, failure);
}
