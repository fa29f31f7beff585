/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Users and groups of socket peers. Owns no state. */
#include "core/peer.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define ENTRY_BUFFER_BYTES 16384
#define GROUPS_MAX         256

static bool is_trusted(const struct rpc_peer *peer)
{
    return peer->uid == 0 || peer->uid == geteuid();
}

bool peer_is_user(const struct rpc_peer *peer, const char *user)
{
    char buffer[ENTRY_BUFFER_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    if (is_trusted(peer))
        return true;
    return user[0] != '\0' && getpwnam_r(user, &entry, buffer, sizeof buffer, &found) == 0 &&
           found != NULL && found->pw_uid == peer->uid;
}

static bool is_member(const struct passwd *user, gid_t group)
{
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

bool peer_is_in_group(const struct rpc_peer *peer, const char *group)
{
    char group_buffer[ENTRY_BUFFER_BYTES];
    char user_buffer[ENTRY_BUFFER_BYTES];
    struct group group_entry;
    struct group *found_group = NULL;
    struct passwd user_entry;
    struct passwd *found_user = NULL;
    if (is_trusted(peer))
        return true;
    if (group[0] == '\0' ||
        getgrnam_r(group, &group_entry, group_buffer, sizeof group_buffer, &found_group) != 0 ||
        found_group == NULL)
        return false;
    if (peer->gid == found_group->gr_gid)
        return true;
    return getpwuid_r(peer->uid, &user_entry, user_buffer, sizeof user_buffer, &found_user) == 0 &&
           found_user != NULL && is_member(found_user, found_group->gr_gid);
}
