/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Another configuration while requests go on: everything is read and checked first, then put in
 * force by steps that cannot fail.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/api_limits.h"
#include "api/lobby.h"
#include "api/rate.h"
#include "api/request_limits.h"
#include "api/server.h"
#include "api/settings.h"
#include "api/tls_files.h"

/* ---- limits ---- */

struct rate_options settings_rate(const struct config_api *config)
{
    return (struct rate_options){.requests_per_second = config->requests_per_second,
                                 .burst = config->request_burst,
                                 .under_way_max = config->requests_waiting};
}

struct rate_options settings_strangers(const struct config_api *config)
{
    struct rate_options options = settings_rate(config);
    options.under_way_max = UINT_MAX;
    return options;
}

struct lobby_options settings_lobby(const struct config_api *config)
{
    return (struct lobby_options){.connections = config->connections,
                                  .per_address = config->connections_per_address,
                                  .handshakes_per_second = config->handshakes_per_second,
                                  .patience_ms = limits_receive_ms(config)};
}

static void set_limits(struct api *api, const struct config_api *config)
{
    const struct rate_options rate = settings_rate(config);
    const struct rate_options strangers = settings_strangers(config);
    const struct lobby_options lobby = settings_lobby(config);
    rate_set_options(api->rate, &rate);
    rate_set_options(api->strangers, &strangers);
    lobby_set_options(api->lobby, &lobby);
    watch_set_pace(&api->watch, limits_receive_ms(config), API_ANSWER_BYTES_PER_S);
    atomic_store(&api->bodies.max, config->bodies_max_bytes);
}

/* ---- the whole ---- */

/* The same CA and path: then a list that says less is as suspicious as when its file changes. */
static enum error check_lists(struct api *api, const struct config_api *config,
                              const struct tls_files *files, struct fault *fault)
{
    const struct config_api *before = api->config;
    if (strcmp(before->client_crl, config->client_crl) != 0 ||
        !trusts_has_text_of(&api->trusts, files->trust))
        return ERR_OK;
    return crl_check_progress(files->crl, api->crl, fault);
}

static void put_in_force(struct api *api, struct setting *setting, struct tls_files *files)
{
    setting->next = api->settings;
    api->settings = setting;
    trusts_put(&api->trusts, files->trust);
    crl_adopt(api->crl, files->crl);
    server_certificate_adopt(api->certificate, files->certificate);
    files->trust = NULL;
    files->crl = NULL;
    files->certificate = NULL;
    set_limits(api, &setting->config);
    atomic_store(&api->config, &setting->config);
}

enum error api_reload(struct api *api, const struct config *config, struct fault *fault)
{
    struct tls_files files = {0};
    struct setting *setting = calloc(1, sizeof *setting);
    if (setting == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    setting->config = config->api;
    (void)pthread_mutex_lock(&api->files);
    enum error e = tls_files_load(&setting->config, &files, fault);
    if (e == ERR_OK)
        e = check_lists(api, &setting->config, &files, fault);
    if (e == ERR_OK)
        put_in_force(api, setting, &files);
    (void)pthread_mutex_unlock(&api->files);
    tls_files_clear(&files);
    if (e != ERR_OK)
        free(setting);
    return e;
}

enum error api_check(const struct config *config, struct fault *fault)
{
    struct tls_files files = {0};
    enum error e = tls_keep_off_pkcs11(fault);
    if (e == ERR_OK)
        e = tls_files_load(&config->api, &files, fault);
    tls_files_clear(&files);
    return e;
}
