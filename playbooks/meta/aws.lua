---@meta
-- fb.aws: facts, which change nothing, and ensure verbs, which only take power away. Every verb takes a
-- table, or an item that a fact gave; `why` (at most 200 bytes) is shown to people. Verbs do not raise
-- when the cloud or a guard says no: they give a result. Wrong arguments do raise.

---One identity or credential on the way from the root (first) to the session that was seen (last).
---@class fb.hop
---@field id string
---@field kind "user_key"|"user"|"role"|"instance"|"credential"|"account_root"|"external"|"service"|"unknown"
---@field arn? string of a role or an instance: the role's
---@field key_id? string
---@field user? string
---@field user_arn? string
---@field session? string
---@field via? string how the one before led here: "AssumeRole"
---@field since? integer Unix time in milliseconds
---@field sure? boolean false: inferred

---@class fb.chain: fb.hop[]
---@field complete boolean

---As a list: fleets first, then instances.
---@class fb.compute: table[]
---@field fleets table[]
---@field instances table[]
---@field complete boolean

---@class fb.aws
local aws = {}

---The hops from the root credential to the leaf session, root first.
---fact; needs aws.read
---@param actor? any usually inc.actor
---@return fb.chain
function aws.chain(actor) end

---The account's enabled regions; the built-in list, flagged guessed, where it cannot be asked.
---fact; needs aws.read
---@param ask? { all?: any, why?: string }
---@return fb.list
function aws.regions(ask) end

---What the chain made and runs in one region: {fleets, instances}; fleets are what makes machines.
---fact; needs aws.read
---@param ask { region?: string, by?: any, since?: integer, why?: string }
---@return fb.compute
function aws.compute(ask) end

---Credentials, users, roles and login profiles that the chain created.
---fact; needs aws.read
---@param ask { chain?: any, kinds?: string[], since?: integer, why?: string }
---@return fb.list
function aws.made_by(ask) end

---The access key is Inactive.
---undoable; needs aws.contain
---@param ask { key: string, user?: string, why?: string }
---@return fb.result
function aws.disable_access_key(ask) end

---The user or role carries our deny-all inline policy.
---undoable; needs aws.contain
---@param ask { arn: string, why?: string }
---@return fb.result
function aws.quarantine(ask) end

---Sessions of the role issued before that time are denied.
---undoable; needs aws.contain
---@param ask { role: string, before?: integer, why?: string }
---@return fb.result
function aws.revoke_sessions(ask) end

---The machine is stopped, its protections cleared first; a scaling group and its like is emptied.
---costly; needs aws.halt
---@param ask { id: string, region: string, kind?: string, type?: string, by?: any, hourly_usd?: any, sure?: any, why?: string }
---@return fb.result
function aws.halt(ask) end

---The narrowest verb that stops this item: key, user, role, login profile, machine or group.
---undoable; needs aws.contain
---@param ask { kind: string, id: string, owner?: string, region?: string, type?: string, made?: integer, sure?: any, why?: string }
---@return fb.result
function aws.contain(ask) end
