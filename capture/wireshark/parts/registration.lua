E["mqqb.note.cut_short"] = ProtoExpert.new("mqqb.note.cut_short", "cut short", expert.group.UNDECODED, expert.severity.NOTE)
E["mqqb.note.skipped"] = ProtoExpert.new("mqqb.note.skipped", "no packet", expert.group.UNDECODED, expert.severity.NOTE)
E["srmp.malformed"] = ProtoExpert.new("srmp.malformed", "Malformed envelope", expert.group.MALFORMED, expert.severity.ERROR)

-- What begins with the name of a protocol belongs to it.
local function of_protocol(everything, name)
  local own = {}
  for filter, one in pairs(everything) do
    if string.sub(filter, 1, #name + 1) == name .. "." then own[#own + 1] = one end
  end
  return own
end

local function all_fields()
  local all = {}
  for filter, field in pairs(F) do all[filter] = field end
  for filter, fields in pairs(M) do
    for index, field in ipairs(fields) do all[filter .. "." .. index] = field end
  end
  return all
end

mqqb.fields = of_protocol(all_fields(), "mqqb")
mqqb.experts = of_protocol(E, "mqqb")
