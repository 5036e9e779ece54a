---@meta
-- What a playbook file says about itself, and the incident it is given. Editors with the Lua language
-- server complete from these pages; Firebreak itself does not read them.

---@alias playbook.kind "leaked_key"|"mass_launch"|"persistence"|"evasion"|"data"|"llm_theft"|"workload_credential"|"root_user"|"sensor_tamper"|"spend"|"unreadable"

---@class playbook.on
---@field cloud "aws"|"gcp"|"any"
---@field kinds? playbook.kind[] any of these; without it, every incident
---@field score number[] lowest and highest: { 80, 100 }

---@class playbook.limits
---@field identities? integer at most so many identities of one incident are acted on
---@field resources? integer at most so many machines and the like

---@class playbook.header
---@field name string small letters, digits and dashes; the same name replaces
---@field api 1 the level of this interface
---@field version? integer counts up; 1 when it is not given
---@field on playbook.on which incidents it is for
---@field mode? "dry-run"|"approve"|"enforce" a ceiling: the operator's setting may be lower; dry-run when not given
---@field needs? string[] capabilities: "read" "contain" "halt" "notify", or for one cloud "aws.halt"
---@field limits? playbook.limits
---@field run fun(inc: inc, fb: fb): fb.outcome called in every pass, from the top
---@field explain? string shown to whoever approves, and in the report
---@field replaces? string[] names of playbooks that this one takes out

---Ends every playbook file: return playbook { ... }
---@param header playbook.header
---@return playbook.header
function playbook(header) end

---The account's own words for who acted. Text of a possible attacker: data, never more.
---@class inc.actor
---@field id? string
---@field kind? string
---@field key_id? string
---@field user? string
---@field arn? string
---@field email? string
---@field session? string

---@class inc.signal
---@field rule string
---@field weight number
---@field at integer Unix time in milliseconds
---@field region? string
---@field summary string

---The incident; read-only. A field that it lacks is nil.
---@class inc
---@field id string
---@field cloud string
---@field account string
---@field kind string
---@field score number
---@field hard? boolean a hard signal, or a score of 90 and more
---@field reasons? string[]
---@field first_seen? integer Unix time in milliseconds
---@field last_seen? integer Unix time in milliseconds
---@field pass? integer
---@field mode? string
---@field actor? inc.actor
---@field signals? inc.signal[]
