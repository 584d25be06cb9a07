-- What wrk posts. Arguments: shape (webhook | alertmanager), alerts a POST, incidents, how many of them a POST
-- touches, a name for this run, token. Every alert is a new one. `incidents` 0: each alert belongs to a service of
-- its own, and so opens an incident; otherwise the alerts join incidents that are open.
local format = string.format

local shape, per_post, incidents, touched, run, headers
local posts = 0

local labels = '{"alertname":"HighErrorRate","cluster":"eu-west-1","instance":"node-%s-%d:9100","job":"api",'
  .. '"namespace":"shop","pod":"api-%s-%d","service":"svc-%s","severity":"critical","team":"team-%d"}'
local annotations = '{"description":"Error rate on pod api-%s-%d has been above 5%% for more than 10 minutes, current '
  .. 'value 7.31","runbook_url":"https://runbooks.example.com/HighErrorRate","summary":"High error rate"}'
local rest = ',"startsAt":"2026-11-20T14:00:00.000Z","generatorURL":"http://prometheus.example.com:9090/graph?g0.expr=rate"'

local function alert(number, service)
  local text = '"labels":' .. format(labels, run, number, run, number, service, number % 100)
    .. ',"annotations":' .. format(annotations, run, number) .. rest
  if shape == "alertmanager" then return "{" .. text .. "}" end
  -- Spread as a real one's: it is a hash, and what follows in time does not stand together in an index.
  local fingerprint = format('%08x%08x', number * 2654435761 % 4294967296, number)
  return '{"status":"firing",' .. text .. ',"endsAt":"0001-01-01T00:00:00Z","fingerprint":"' .. fingerprint .. '"}'
end

local function body()
  local list = {}
  for position = 1, per_post do
    local number = posts * per_post + position
    local service = run .. number
    if incidents > 0 then service = tostring((posts * touched + position % touched) % incidents) end
    list[position] = alert(number, service)
  end
  local text = "[" .. table.concat(list, ",") .. "]"
  if shape == "alertmanager" then return text end
  return '{"version":"4","groupKey":"{}:{alertname=\\"HighErrorRate\\"}","truncatedAlerts":0,"status":"firing",'
    .. '"receiver":"tocsin","groupLabels":{"alertname":"HighErrorRate"},"commonLabels":{"job":"api"},'
    .. '"commonAnnotations":{},"externalURL":"http://alertmanager.example.com:9093","alerts":' .. text .. "}"
end

function init(args)
  shape, per_post, incidents, touched = args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  run = args[5]
  headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[6] }
end

function request()
  local text = body()
  posts = posts + 1
  return wrk.format("POST", nil, headers, text)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(format('RESULT {"posts":%d,"seconds":%.6f,"refused":%d,"failed":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
