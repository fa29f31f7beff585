/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl station list and show, and the same for the other roles: by the vault, stations over REST
 * too. Owns no state.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/principal.h"
#include "cli/reading.h"

/* provisiond tells about stations alone; an address in the environment is for other commands then.
 */
static enum error choose(const struct arguments *arguments, bool *ret_is_rest,
                         struct failure *failure)
{
    *ret_is_rest = false;
    if (principal_role_of(arguments)->role != PROVISIOND__ROLE__ROLE_STATION)
        return ERR_OK;
    return station_is_asked(arguments, ret_is_rest, failure);
}

static enum error check_all(const json_t *principals, struct failure *failure)
{
    enum error e = ERR_OK;
    if (!json_is_array(principals))
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The server's answer cannot be understood (stations). Are the "
                                 "versions equal?");
    for (size_t i = 0; i < json_array_size(principals) && e == ERR_OK; i++)
        e = principal_check(json_array_get(principals, i), failure);
    return e;
}

static enum error ask_server_for_all(const struct arguments *arguments, json_t **ret_principals,
                                     struct failure *failure)
{
    json_t *answer = NULL;
    enum error e = reading_get(arguments, "/v1/stations", &answer, failure);
    if (e == ERR_OK)
        e = check_all(json_object_get(answer, "stations"), failure);
    if (e == ERR_OK)
        *ret_principals = json_incref(json_object_get(answer, "stations"));
    json_decref(answer);
    return e;
}

enum error command_principal_list(const struct arguments *arguments, struct failure *failure)
{
    const struct principal_role *role = principal_role_of(arguments);
    json_t *principals = NULL;
    bool is_rest = false;
    enum error e = choose(arguments, &is_rest, failure);
    if (e == ERR_OK)
        e = is_rest ? ask_server_for_all(arguments, &principals, failure)
                    : principal_ask_vault(arguments, "", &principals, failure);
    output_note_cut(json_array_size(principals), role->things);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        e = output_json(json_pack("{s:O}", role->member, principals), failure);
    else if (e == ERR_OK)
        e = principal_print_list(principals, role->things, failure);
    json_decref(principals);
    return e;
}

static enum error ask_server_for_one(const struct arguments *arguments, json_t **ret_principal,
                                     struct failure *failure)
{
    char path[128];
    json_t *principal = NULL;
    (void)snprintf(path, sizeof path, "/v1/stations/%s", arguments->operands[0]);
    enum error e = reading_get(arguments, path, &principal, failure);
    if (e == ERR_OK)
        e = principal_check(principal, failure);
    if (e == ERR_OK)
        *ret_principal = principal;
    else
        json_decref(principal);
    return e;
}

static enum error ask_vault_for_one(const struct arguments *arguments, json_t **ret_principal,
                                    struct failure *failure)
{
    json_t *principals = NULL;
    enum error e = principal_ask_vault(arguments, arguments->operands[0], &principals, failure);
    if (e == ERR_OK && json_array_size(principals) != 1)
        e = failure_set_plain(
            failure, ERR_PRINCIPAL_UNKNOWN, "There is no %s of this name. See provctl %s list",
            principal_role_of(arguments)->word, principal_role_of(arguments)->word);
    if (e == ERR_OK)
        *ret_principal = json_incref(json_array_get(principals, 0));
    json_decref(principals);
    return e;
}

enum error command_principal_show(const struct arguments *arguments, struct failure *failure)
{
    json_t *principal = NULL;
    bool is_rest = false;
    enum error e = choose(arguments, &is_rest, failure);
    if (e == ERR_OK)
        e = is_rest ? ask_server_for_one(arguments, &principal, failure)
                    : ask_vault_for_one(arguments, &principal, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        e = output_json(json_incref(principal), failure);
    else if (e == ERR_OK)
        e = principal_print(principal, failure);
    json_decref(principal);
    return e;
}
