/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What each program is left with. Owns no state. */
#include "daemon/sandbox.h"

#include <assert.h>
#include <libgen.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "daemon/sandbox_calls.h"
#include "daemon/sandbox_files.h"

#define RULES_MAX 36
#define EXE       "/proc/self/exe"

#ifdef DAEMON_IS_INSTRUMENTED
static const bool IS_LEFT_OUT = true;
#else
static const bool IS_LEFT_OUT = false;
#endif

struct rules {
    struct files_rule list[RULES_MAX];
    char folders[RULES_MAX][PATH_MAX]; /* of list[i].path, where it is a folder made here */
    size_t count;
};

static void add(struct rules *rules, const char *path, unsigned uses)
{
    assert(rules->count < RULES_MAX);
    rules->list[rules->count++] = (struct files_rule){.path = path, .uses = uses};
}

static void add_parent(struct rules *rules, const char *path, unsigned uses)
{
    assert(rules->count < RULES_MAX);
    char *folder = rules->folders[rules->count];
    if ((size_t)snprintf(folder, PATH_MAX, "%s", path) < PATH_MAX)
        add(rules, dirname(folder), uses); /* the kernel opens no longer one */
}

/*
 * The folder that a file is in: files are replaced by renames, a rule about one would be lost. Of a
 * link also that of the file to which it leads, which is the one that Landlock looks at.
 */
static void add_folder_of(struct rules *rules, const char *path, unsigned uses)
{
    char target[PATH_MAX];
    add_parent(rules, path, uses);
    if (realpath(path, target) != NULL)
        add_parent(rules, target, uses);
}

/* What libc needs to look up users, group members and the time zone, and libraries their own. */
static void add_system(struct rules *rules)
{
    static const char *const read[] = {"/usr",         "/lib",        "/lib64",
                                       "/etc",         "/proc/sys",   "/sys/devices/system/cpu",
                                       "/dev/urandom", "/dev/random", "/run/systemd/userdb",
                                       "/var/lib/sss"};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        add(rules, read[i], FILES_READ);
    add(rules, "/dev/null", FILES_READ | FILES_APPEND);
}

/* A crash point that happens once makes a file. */
static void add_crash_point(struct rules *rules)
{
#ifdef PROVISIOND_CRASH_POINTS
    const char *once = getenv("PROVISIOND_CRASH_ONCE");
    if (once != NULL)
        add_folder_of(rules, once, FILES_WRITE);
#else
    (void)rules;
#endif
}

static enum error close_files(unsigned closed, const struct rules *rules, struct fault *fault)
{
    bool is_closed = false;
    enum error e = files_close(closed, rules->list, rules->count, &is_closed, fault);
    if (e == ERR_OK && !is_closed)
        log_event(LOG_LEVEL_INFO, "sandbox-without-landlock",
                  LOG_TEXT("detail", "This kernel has no Landlock: files are kept apart by their "
                                     "owners, modes and the unit only."));
    return e;
}

static enum error enter(const struct rules *rules, unsigned more_calls, struct fault *fault)
{
    enum error e = close_files(FILES_ALL, rules, fault);
    if (e != ERR_OK)
        return e;
    return calls_close(
        CALLS_NO_EXECUTE | CALLS_NO_NETWORK | CALLS_NO_CODE | CALLS_KILL | more_calls, fault);
}

enum error sandbox_enter_api(const char *config_path, const struct config *config,
                             struct fault *fault)
{
    struct rules rules = {0};
    if (IS_LEFT_OUT)
        return ERR_OK;
    add_system(&rules);
    add_folder_of(&rules, config_path, FILES_READ);
    add_folder_of(&rules, config->api.certificate, FILES_READ);
    add_folder_of(&rules, config->api.key, FILES_READ);
    add_folder_of(&rules, config->api.client_ca, FILES_READ);
    if (config->api.client_crl[0] != '\0')
        add_folder_of(&rules, config->api.client_crl, FILES_READ);
    add_crash_point(&rules);
    return enter(&rules, CALLS_NO_REUSE, fault);
}

enum error sandbox_enter_vault(const char *config_path, const struct config *config,
                               struct fault *fault)
{
    struct rules rules = {0};
    if (IS_LEFT_OUT)
        return ERR_OK;
    add_system(&rules);
    add_folder_of(&rules, config_path, FILES_READ);
    add_folder_of(&rules, config->vault.ledger, FILES_WRITE | FILES_MOVE);
    if (access(config->vault.images, F_OK) == 0)
        add(&rules, config->vault.images, FILES_WRITE | FILES_MOVE);
    else
        add_folder_of(&rules, config->vault.images, FILES_WRITE | FILES_MOVE); /* to be made */
    add_folder_of(&rules, config->vault.socket, FILES_SOCKETS);
    add_folder_of(&rules, config->vault.admin_socket, FILES_SOCKETS);
    add_crash_point(&rules);
    return enter(&rules, 0, fault);
}

/* ---- provision-hsm ---- */

/* What Landlock closes in a strict master and its workers. */
#define HSM_CLOSED (FILES_EXECUTE | FILES_MOVE | FILES_NETWORK)

/* The name of the dynamic loader, which the kernel executes along with the program. */
static int find_loader(struct dl_phdr_info *program, size_t size, void *context)
{
    const char **loader = context;
    (void)size;
    for (unsigned i = 0; i < program->dlpi_phnum; i++) {
        if (program->dlpi_phdr[i].p_type == PT_INTERP)
            *loader = (const char *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr);
    }
    return 1; /* the first object is the program itself */
}

static unsigned closed_calls(enum config_sandbox strictness)
{
    return strictness == CONFIG_SANDBOX_STRICT ? CALLS_NO_NETWORK | CALLS_NO_CODE : 0;
}

enum error sandbox_enter_hsm(enum config_sandbox strictness, struct fault *fault)
{
    struct rules rules = {0};
    const char *loader = "";
    enum error e = ERR_OK;
    if (IS_LEFT_OUT)
        return ERR_OK;
    (void)dl_iterate_phdr(find_loader, &loader);
    add(&rules, "/", FILES_MOVE);    /* Landlock closes this unasked; modules may need it */
    add(&rules, EXE, FILES_EXECUTE); /* the file that runs, also when another has its name */
    if (loader[0] != '\0')
        add_folder_of(&rules, loader, FILES_EXECUTE); /* libc may be updated while this runs */
    if (strictness == CONFIG_SANDBOX_STRICT)
        e = close_files(HSM_CLOSED, &rules, fault);
    return e == ERR_OK ? calls_close(closed_calls(strictness), fault) : e;
}

enum error sandbox_enter_worker(enum config_sandbox strictness, struct fault *fault)
{
    struct rules rules = {0};
    if (IS_LEFT_OUT || strictness != CONFIG_SANDBOX_STRICT)
        return ERR_OK;
    add(&rules, "/", FILES_MOVE);
    /* Files again, though calls say the same: so that a worker cannot trace its master either. */
    enum error e = close_files(HSM_CLOSED, &rules, fault);
    return e == ERR_OK ? calls_close(CALLS_NO_EXECUTE, fault) : e;
}
