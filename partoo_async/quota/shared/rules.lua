-- One exchange with the shared store: what rules.exchange does, function by function, with the same names.
-- Times are whole milliseconds of this server.

local RUN, SILENT, LONGEST_RESERVE = 19, 3, 3600000

-- An empty table is written as {}, and a number with 14 digits, which milliseconds since 1970 fit into.
local key, report, terms = KEYS[1], cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local now = tonumber(ARGV[3]) -- for tests
if not now then
    local clock = redis.call('TIME')
    now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end

local function new_state()
    local first = report.seen == 0 and not report.alone
    return {
        version = 0, last = now,
        settled = now + (first and terms.settle or math.max(terms.settle, terms.again)),
        allow = first and terms.fallback or 0,
        paused = 0, probe = 0, spaced = 0, due = 0, run = 0, owners = {},
    }
end

local function look_for_gaps(state)
    local last, owners = state.last, state.owners
    local back, silent = now < last, false
    if now - last > SILENT * terms.beat then
        silent = report.alone
        for name, owner in pairs(owners) do
            silent = silent or (name ~= report.owner and owner.expires > last)
        end
    end
    if report.seen > state.version or back or silent then
        state.settled = now + math.max(terms.settle, terms.again)
        state.allow = 0
    end
    if back then
        state.paused, state.probe, state.spaced, state.due = 0, 0, 0, 0
        for _, owner in pairs(owners) do
            owner.expires = math.min(owner.expires, now + terms.ttl)
            owner.reserve_until = math.min(owner.reserve_until, now + LONGEST_RESERVE)
            for _, pair in ipairs(owner.cooling) do
                pair[1] = math.min(pair[1], now + owner.hold + terms.ttl)
            end
        end
    end
end

local function owner_of()
    local cooling = {}
    for index, pair in ipairs(report.cooling) do
        cooling[index] = {now + pair[1], pair[2]}
    end
    return {
        n = report.n, expires = report.leave and now or now + terms.ttl, held = report.held, cooling = cooling,
        interactive = report.leave and 0 or report.interactive, bulk = report.leave and 0 or report.bulk,
        reserve_until = now + report.reserve_for, limit = terms.limit, hold = terms.hold,
    }
end

local function is_over(owner)
    local alive = owner.expires > now or owner.reserve_until > now
    return not alive and owner.held == 0 and #owner.cooling == 0
end

local function bury(owners)
    for name, owner in pairs(owners) do -- which may lose the fields that are looked at, but gets no new ones
        if owner.expires <= now and name ~= report.owner then
            if owner.held > 0 then
                table.insert(owner.cooling, {owner.expires + owner.hold, owner.held})
                owner.held = 0
            end
            owner.interactive, owner.bulk = 0, 0
        end
        local cooling = {}
        for _, pair in ipairs(owner.cooling) do
            if pair[1] > now then
                table.insert(cooling, pair)
            end
        end
        owner.cooling = cooling
        if name ~= report.owner and is_over(owner) then
            owners[name] = nil
        end
    end
end

local function heed(state)
    if report.pause > 0 then
        state.paused = math.max(state.paused, now + report.pause)
        state.probe = state.paused + terms.ttl
    elseif report.answered and now >= state.paused then
        state.probe = 0
    end
    if report.spaced > 0 then
        state.spaced = math.max(state.spaced, now + report.spaced)
    end
end

local function add_up(owners)
    local sums = {
        held = 0, used = 0, mine = 0, first = 0, members = 0, rivals = 0, bulk = 0, interactive = 0, reserve_until = 0,
        limit = terms.limit, hold = terms.hold,
    }
    for name, owner in pairs(owners) do
        local taken = owner.held
        for _, pair in ipairs(owner.cooling) do
            if pair[1] > now then
                taken = taken + pair[2]
                sums.first = sums.first == 0 and pair[1] or math.min(sums.first, pair[1])
            end
        end
        sums.held = sums.held + owner.held
        sums.used = sums.used + taken
        sums.reserve_until = math.max(sums.reserve_until, owner.reserve_until)
        if name == report.owner then
            sums.mine = taken
        end
        if owner.expires > now then
            sums.members = sums.members + 1
            sums.bulk = sums.bulk + owner.bulk
            sums.limit = math.min(sums.limit, owner.limit)
            sums.hold = math.max(sums.hold, owner.hold)
            if name ~= report.owner then
                sums.interactive = sums.interactive + owner.interactive
                sums.rivals = sums.rivals + (owner.bulk > 0 and 1 or 0)
            end
        end
    end
    return sums
end

local function free_slots(state, sums)
    local free = math.max(0, sums.limit - sums.used)
    if now < state.paused then
        return 0
    end
    if state.probe > 0 then
        free = (sums.held == 0 or now >= state.probe) and math.min(free, 1) or 0
    end
    if now < state.settled then
        free = math.min(free, state.allow)
    end
    if now < state.spaced then
        local due = math.max(state.due, now - math.floor(terms.beat / 4))
        free = now >= due and math.min(free, 1 + math.floor((now - due) / terms.pace)) or 0
    end
    return free
end

local function again_in(state, sums, shared)
    local shut = math.max(state.paused, state.allow <= 0 and state.settled or 0) - now
    if shut > 0 then
        return shut
    end
    if state.probe > 0 then
        return math.floor(terms.beat / 4)
    end
    if now < state.spaced and sums.used < sums.limit then
        return math.max(0, state.due - now)
    end
    if shared then
        return 0
    end
    return sums.first > 0 and math.min(terms.beat, sums.first - now) or terms.beat
end

local function reply(state, sums, granted, again, stale)
    return {
        report.n, state.version, granted, math.max(0, state.paused - now), sums.members, sums.used, again,
        sums.limit, sums.hold, stale,
    }
end

local function grant(state, sums)
    local free = free_slots(state, sums)
    local kept = math.min(sums.bulk, math.floor((state.run + math.min(report.interactive, free)) / (RUN + 1)))
    local interactive = math.min(report.interactive, math.max(0, free - kept))
    local owed = math.floor((state.run + interactive) / RUN)
    local left = free - interactive
    local open_to_bulk = now < sums.reserve_until and left - terms.reserve or left
    local spare = open_to_bulk - sums.interactive
    local share = math.max(
        math.ceil(spare / (1 + sums.rivals)), math.floor(sums.limit / (1 + sums.rivals)) - sums.mine
    )
    local bulk = math.min(report.bulk, left, math.max(owed, math.min(spare, share)))
    local granted = interactive + bulk
    state.run = math.max(0, math.min(RUN * (sums.bulk - bulk), state.run + interactive - RUN * bulk))
    local mine = state.owners[report.owner]
    mine.held = mine.held + granted
    mine.interactive = mine.interactive - interactive
    mine.bulk = mine.bulk - bulk
    if granted > 0 then
        if now < state.settled then
            state.allow = state.allow - granted
        end
        if now < state.spaced then
            state.due = math.max(state.due, now - math.floor(terms.beat / 4)) + granted * terms.pace
        end
        if state.probe > 0 then
            state.probe = now + terms.ttl
        end
    end
    sums.used = sums.used + granted
    return reply(state, sums, granted, again_in(state, sums, mine.bulk > 0 and open_to_bulk > bulk), false)
end

local function exchange(state)
    if not state then
        state = new_state()
    else
        look_for_gaps(state)
    end
    local owners = state.owners
    if owners[report.owner] and report.n <= owners[report.owner].n then
        return state, reply(state, add_up(owners), 0, 0, true)
    end
    state.version = math.max(state.version, report.seen) + 1
    state.last = now
    owners[report.owner] = owner_of()
    bury(owners)
    heed(state)
    local sums = add_up(owners)
    if report.leave then
        if is_over(owners[report.owner]) then
            owners[report.owner] = nil
        end
        return state, reply(state, sums, 0, 0, false)
    end
    return state, grant(state, sums)
end

-- A value that is not of this script is as good as none.
local kept = redis.call('GET', key)
local fine, state, answer = pcall(function() return exchange(kept and cjson.decode(kept)) end)
if not fine then
    state, answer = exchange(nil)
end
local over = math.max(now + 2 * answer[9], state.paused, state.spaced)
for _, owner in pairs(state.owners) do
    over = math.max(over, owner.reserve_until)
end
local longest = over - now + 2 * terms.ttl + 10000
redis.call('SET', key, cjson.encode(state), 'PX', longest)
return cjson.encode(answer)
