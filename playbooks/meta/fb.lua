---@meta
-- fb, the second argument of run: time, calls side by side, the end of a run, messages to people.

---What a verb came to. ok: done, already, planned or pending.
---@class fb.result
---@field ok boolean
---@field status "done"|"already"|"planned"|"pending"|"refused"|"failed"
---@field why string
---@field id string of the action, as the report and undo know it

---@class fb.item
---@field ok boolean
---@field value any what fn returned
---@field error any what it raised

---@class fb.outcome

---A list that a fact gave. complete: false when a part could not be read; the run is repeated then.
---@class fb.list: any[]
---@field complete boolean

---@class fb
---@field aws fb.aws
local fb = {}

---The time at which the pass began (log time in a dry replay), Unix time in milliseconds.
---@return integer
function fb.now() end

---Calls fn for every item, up to 64 side by side; what they ask for reaches the cloud together. An error
---in one is its result and stops no other; the run is repeated then. Results stand in list order.
---@param list any[]
---@param fn fun(item: any): any
---@return fb.item[]
function fb.each(list, fn) end

---The usual end of run: retry, needs_person or contained, as the results say.
---@return fb.outcome
function fb.outcome() end

---The end of a run that found nothing to do. What failed or was refused counts all the same.
---@param why string
---@return fb.outcome
function fb.close(why) end

---The end of a run that waits for a person's answer.
---@return fb.outcome
function fb.wait() end

---Raises when the result is not ok; gives it back otherwise.
---@param result fb.result|fb.item
---@return fb.result|fb.item
function fb.must(result) end

---People are told, once per title (or key) and incident.
---message; needs notify
---@param ask { to?: string, title: string, facts?: any, text?: string, key?: string, why?: string }
---@return fb.result
function fb.notify(ask) end

---A person is needed: the incident says so until somebody answers.
---message
---@param ask { why: string, about?: string }
---@return fb.result
function fb.escalate(ask) end

---A line in the incident's timeline: why this branch.
---message
---@param text string
---@param facts? any
---@return fb.result
function fb.explain(text, facts) end

---As fb.aws.chain.
---@param actor? any
---@return fb.list
function fb.chain(actor) end

---As fb.aws.compute.
---@param ask { region?: string, by?: any, since?: integer }
---@return fb.compute
function fb.compute(ask) end

---As fb.aws.contain.
---@param item table
---@return fb.result
function fb.contain(item) end

---As fb.aws.halt.
---@param item table
---@return fb.result
function fb.halt(item) end
