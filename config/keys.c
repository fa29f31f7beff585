/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of keys and the search in it, with the guess at a misspelt one. Owns no state. */
#include "config/keys.h"

#include <string.h>

/* A Unix socket address holds 108 bytes with its NUL. */
#define SOCKET_MAX         107
#define PATH_MAX_BYTES     (CONFIG_PATH_MAX - 1)
#define NAME_MAX_BYTES     (CONFIG_NAME_MAX - 1)
#define TOKEN_MAX_BYTES    (sizeof(((struct config *)NULL)->hsm.token) - 1)
#define BY_HSM             CONFIG_BIT(CONFIG_HSM)
#define BY_VAULT           CONFIG_BIT(CONFIG_VAULT)
#define BY_API             CONFIG_BIT(CONFIG_API)

#define GUESS_MAX_DISTANCE 2
#define GUESS_MAX_LENGTH   31 /* longer than any known name by more than the distance */

#define AT(field)          ((unsigned)offsetof(struct config, field))

/* clang-format off */
const struct config_key CONFIG_KEYS[CONFIG_KEYS_COUNT] = {
    {"hsm", "module", CONFIG_PATH, AT(hsm.module), 1, PATH_MAX_BYTES, NULL, BY_HSM, BY_HSM},
    {"hsm", "token", CONFIG_TEXT, AT(hsm.token), 1, TOKEN_MAX_BYTES, NULL, BY_HSM, BY_HSM},
    {"hsm", "module_arguments", CONFIG_TEXT, AT(hsm.module_arguments), 0, PATH_MAX_BYTES, "", 0, BY_HSM},
    {"hsm", "socket", CONFIG_PATH, AT(hsm.socket), 1, SOCKET_MAX, "/run/provision-hsm/hsm.sock", 0, BY_HSM | BY_VAULT},
    {"hsm", "client_user", CONFIG_NAME, AT(hsm.client_user), 1, NAME_MAX_BYTES, "provision-vault", 0, BY_HSM},
    {"hsm", "workers", CONFIG_NUMBER, AT(hsm.workers), 1, 64, "2", 0, BY_HSM},
    {"hsm", "call_timeout_ms", CONFIG_NUMBER, AT(hsm.call_timeout_ms), 100, 600000, "2000", 0, BY_HSM},
    {"hsm", "recycle_after", CONFIG_NUMBER, AT(hsm.recycle_after), 1, 1000000000, "200000", 0, BY_HSM},
    {"hsm", "recycle_mb", CONFIG_NUMBER, AT(hsm.recycle_mb), 1, 65536, "8", 0, BY_HSM},
    {"hsm", "pin_credential", CONFIG_NAME, AT(hsm.pin_credential), 1, NAME_MAX_BYTES, "hsm-pin", 0, BY_HSM},
    {"hsm", "state", CONFIG_PATH, AT(hsm.state), 1, PATH_MAX_BYTES, "/var/lib/provision-hsm", 0, BY_HSM},
    {"hsm", "sandbox", CONFIG_STRICTNESS, AT(hsm.sandbox), 1, NAME_MAX_BYTES, "strict", 0, BY_HSM},

    {"vault", "socket", CONFIG_PATH, AT(vault.socket), 1, SOCKET_MAX, "/run/provision-vault/station.sock", 0, BY_VAULT | BY_API},
    {"vault", "client_user", CONFIG_NAME, AT(vault.client_user), 1, NAME_MAX_BYTES, "provisiond", 0, BY_VAULT},
    {"vault", "admin_socket", CONFIG_PATH, AT(vault.admin_socket), 1, SOCKET_MAX, "/run/provision-vault/admin.sock", 0, BY_VAULT},
    {"vault", "admin_group", CONFIG_NAME, AT(vault.admin_group), 0, NAME_MAX_BYTES, "provision-admin", 0, BY_VAULT},
    {"vault", "ledger", CONFIG_PATH, AT(vault.ledger), 1, PATH_MAX_BYTES, "/var/lib/provision-vault/ledger.db", 0, BY_VAULT},
    {"vault", "images", CONFIG_PATH, AT(vault.images), 1, PATH_MAX_BYTES, "/var/lib/provision-vault/images", 0, BY_VAULT},
    {"vault", "threads", CONFIG_NUMBER, AT(vault.threads), 1, 256, "32", 0, BY_VAULT},
    {"vault", "queue", CONFIG_NUMBER, AT(vault.queue), 1, 65536, "1024", 0, BY_VAULT},
    {"vault", "queue_per_caller", CONFIG_NUMBER, AT(vault.queue_per_caller), 1, 65536, "128", 0, BY_VAULT},
    {"vault", "unanchored_max", CONFIG_NUMBER, AT(vault.unanchored_max), 2, 100000, "128", 0, BY_VAULT},
    {"vault", "checkpoint_interval_ms", CONFIG_NUMBER, AT(vault.checkpoint_interval_ms), 50, 60000, "1000", 0, BY_VAULT},
    {"vault", "anchor_interval_s", CONFIG_NUMBER, AT(vault.anchor_interval_s), 1, 3600, "10", 0, BY_VAULT},
    {"vault", "disk_reserve_mb", CONFIG_NUMBER, AT(vault.disk_reserve_mb), 0, 1048576, "256", 0, BY_VAULT},

    {"api", "listen", CONFIG_LISTEN, AT(api.listen), 1, PATH_MAX_BYTES, "[::]:8443", 0, BY_API},
    {"api", "certificate", CONFIG_PATH, AT(api.certificate), 1, PATH_MAX_BYTES, NULL, BY_API, 0},
    {"api", "key", CONFIG_PATH, AT(api.key), 1, PATH_MAX_BYTES, NULL, BY_API, 0},
    {"api", "client_ca", CONFIG_PATH, AT(api.client_ca), 1, PATH_MAX_BYTES, NULL, BY_API, 0},
    {"api", "connections", CONFIG_NUMBER, AT(api.connections), 1, 65536, "2048", 0, 0},
    {"api", "client_crl", CONFIG_PATH, AT(api.client_crl), 0, PATH_MAX_BYTES, "", 0, 0},
    {"api", "connections_per_address", CONFIG_NUMBER, AT(api.connections_per_address), 1, 65536, "512", 0, 0},
    {"api", "handshakes_per_second", CONFIG_NUMBER, AT(api.handshakes_per_second), 1, 100000, "100", 0, 0},
    {"api", "requests_per_second", CONFIG_NUMBER, AT(api.requests_per_second), 1, 100000, "200", 0, 0},
    {"api", "request_burst", CONFIG_NUMBER, AT(api.request_burst), 1, 100000, "32", 0, 0},
    {"api", "requests_waiting", CONFIG_NUMBER, AT(api.requests_waiting), 1, 4096, "64", 0, 0},
    {"api", "header_max_bytes", CONFIG_NUMBER, AT(api.header_max_bytes), 4096, 262144, "32768", 0, BY_API},
    {"api", "body_max_bytes", CONFIG_NUMBER, AT(api.body_max_bytes), 1024, 98304, "98304", 0, 0},
    {"api", "batch_max_bytes", CONFIG_NUMBER, AT(api.batch_max_bytes), 1024, 1048576, "1048576", 0, 0},
    {"api", "bodies_max_bytes", CONFIG_NUMBER, AT(api.bodies_max_bytes), 2097152, 1073741824, "67108864", 0, 0},
    {"api", "json_depth_max", CONFIG_NUMBER, AT(api.json_depth_max), 4, 8, "8", 0, 0},
    {"api", "chain_max_certificates", CONFIG_NUMBER, AT(api.chain_max_certificates), 1, 16, "5", 0, 0},
    {"api", "receive_timeout_s", CONFIG_NUMBER, AT(api.receive_timeout_s), 1, 600, "30", 0, 0},
    {"api", "idle_timeout_s", CONFIG_NUMBER, AT(api.idle_timeout_s), 1, 3600, "60", 0, 0},
    {"api", "vault_timeout_ms", CONFIG_NUMBER, AT(api.vault_timeout_ms), 100, 600000, "10000", 0, 0},

    {"log", "level", CONFIG_LEVEL, AT(log_level), 1, NAME_MAX_BYTES, "info", 0, 0},
};
/* clang-format on */

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        if (strcmp(CONFIG_KEYS[i].section, section) == 0 && strcmp(CONFIG_KEYS[i].name, name) == 0)
            return &CONFIG_KEYS[i];
    }
    return NULL;
}

bool config_section_is_known(const char *section)
{
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        if (strcmp(CONFIG_KEYS[i].section, section) == 0)
            return true;
    }
    return false;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein distance of two short words, one row of the table at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[GUESS_MAX_LENGTH + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t above = row[j + 1];
            row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[width];
}

const char *config_key_suggest(const char *section, const char *name)
{
    const char *best = NULL;
    size_t best_distance = GUESS_MAX_DISTANCE + 1;
    if (strlen(name) > GUESS_MAX_LENGTH)
        return NULL;
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        if (section != NULL && strcmp(CONFIG_KEYS[i].section, section) != 0)
            continue;
        const char *known = section != NULL ? CONFIG_KEYS[i].name : CONFIG_KEYS[i].section;
        size_t d = distance(known, name);
        if (d < best_distance) {
            best = known;
            best_distance = d;
        }
    }
    return best;
}
