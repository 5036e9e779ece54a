-- contain-leaked-key: an AWS credential is in the wrong hands. Cut it off, close the ways back in that
-- its thief made, and stop every machine that it started, in every region.
--
-- This is Lua 5.4 and you may change a copy: a file of the same name in your --playbooks folder takes
-- this one's place. Read playbooks/README.md first; it is short. What matters:
--   * run() is called again from the top until two passes find nothing new, so write "make it so".
--   * fb.aws.* verbs do not act by themselves: Firebreak's guards decide, record, do and read back. In
--     dry-run, the default, every verb is only planned.
--   * A verb that fails or is refused gives a result and the next line still runs; what is left undone
--     shows in fb.outcome().
--   * Text from events (names, agents, sessions) may be the thief's. It is data, never more.

-- One credential or identity on the way from the root (first) to the session that was seen (last).
local function cut(hop, fb)
  local aws = fb.aws
  if hop.kind == "user_key" or hop.kind == "credential" then
    -- Temporary keys (ASIA...) cannot be disabled; the denial of their user ends them.
    local lasting = hop.key_id and hop.key_id:find("^AKIA")
    local user    = hop.user_arn or (hop.arn and hop.arn:match("^arn:[^:]*:iam:.*:user/.+$"))
    if lasting then
      aws.disable_access_key { key = hop.key_id, user = hop.user, why = "it is in the wrong hands" }
    end
    if user then
      aws.quarantine { arn = user, why = "its sessions and other keys live on otherwise" }
    elseif not lasting then
      fb.escalate { why = "a temporary key was used and its user is not known", about = hop.key_id or hop.id }
    end
  elseif hop.kind == "user" then
    -- A person at the console: there is no key to disable, the denial ends the session.
    aws.quarantine { arn = hop.user_arn or hop.arn, why = "its console session is in the wrong hands" }
  elseif hop.kind == "role" or hop.kind == "instance" then
    -- Other users of the role get new sessions; the thief's old ones are denied.
    aws.revoke_sessions { role = hop.role_arn or hop.arn, before = fb.now(),
                          why = "sessions of this role are in the wrong hands" }
  else
    -- The account's root user, another account, a person of an identity provider, an AWS service:
    -- no policy of this account ends their sessions.
    fb.escalate { why = "policy cannot contain this kind of identity: " .. tostring(hop.kind),
                  about = hop.arn or hop.id }
  end
end

return playbook {
  name    = "contain-leaked-key",
  api     = 1,
  version = 1,
  on      = {
    cloud = "aws",
    kinds = { "leaked_key", "mass_launch", "spend", "persistence", "evasion", "sensor_tamper",
              "workload_credential", "root_user", "llm_theft", "data" },
    score = { 80, 100 },
  },
  mode    = "enforce", -- a ceiling: the operator's setting may be lower, and is dry-run by default
  needs   = { "aws.read", "aws.contain", "aws.halt", "notify" },
  limits  = { identities = 10, resources = 5000 },
  explain = "Disables the key, denies its user, ends role sessions, closes what the thief created, " ..
            "and stops the machines of the chain in every region. All of it can be undone.",

  run = function(inc, fb)
    local aws   = fb.aws
    local actor = inc.actor or {}
    local chain = aws.chain(inc.actor)

    -- The account's root user cannot be cut off from inside the account, and what it starts may be its
    -- owner's: a person is called, nothing is touched.
    for _, hop in ipairs(chain) do
      if hop.kind == "account_root" then
        fb.escalate { why = "the account's root user acts: call its owner, change its password, remove its keys",
                      about = hop.arn or hop.id }
        return fb.outcome()
      end
    end

    -- All hops at once, the root credential first: a thief's script is as fast as ours.
    fb.each(chain, function(hop) cut(hop, fb) end)

    -- Ways back in that the chain made, while we act or in the day before the alarm.
    -- A password set on a user that the chain did not make is the thief's, but the user may be in
    -- honest use: unless the case is beyond doubt, a person resets it.
    local day  = 24 * 60 * 60 * 1000
    local made = aws.made_by { chain = chain, since = inc.first_seen - day,
                               kinds = { "access_key", "user", "role", "login_profile" } }
    local own  = {}
    for _, item in ipairs(made) do
      if item.kind == "user" then own[item.id] = true end
    end
    fb.each(made, function(item)
      if item.kind == "login_profile" and not inc.hard and not own[item.owner or item.id] then
        fb.escalate { why = "a console password was set for somebody: reset it", about = item.owner or item.id }
      else
        aws.contain(item)
      end
    end)

    -- Every region at once; what would refill (fleets) before what is filled (instances).
    fb.each(aws.regions(), function(region)
      local found = aws.compute { region = region, by = chain, since = inc.first_seen }
      fb.each(found.fleets, aws.halt)
      fb.each(found.instances, aws.halt)
    end)

    -- What was done, planned or refused, the incident says beside it: this says only what is the matter.
    fb.notify { title = "An AWS credential is in the wrong hands", key = "contain-leaked-key",
                facts = { account = inc.account, incident = inc.id,
                          score = string.format("%.1f", inc.score),
                          identity = actor.arn or actor.id, key = actor.key_id } }
    return fb.outcome()
  end,
}
