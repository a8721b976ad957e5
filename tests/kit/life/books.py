"""What really lies there, in one look; and what must hold of it whatever was done."""

from sqlalchemy import text

BOOKS = text("""
SELECT coalesce(json_agg(json_build_object(
  'id', lead.id, 'state', lead.state, 'outcome', lead.outcome,
  'deal', (SELECT deal.state FROM routing.opportunities AS deal WHERE deal.lead_id = lead.id ORDER BY id DESC LIMIT 1),
  'customers', (
    SELECT coalesce(json_agg(customer.state ORDER BY customer.id), '[]')
    FROM routing.customers AS customer WHERE customer.lead_id = lead.id
  ),
  'items', (
    SELECT coalesce(json_agg(json_build_object(
      'queue', item.queue, 'state', item.state, 'token', item.token,
      'task', (SELECT task.state FROM routing.tasks AS task WHERE task.item_id = item.id),
      'claim', (
        SELECT json_build_object(
          'rep', claim.rep_id, 'next_at', claim.next_at, 'promise', claim.next_promise, 'expires_at', claim.expires_at
        )
        FROM routing.claims AS claim WHERE claim.item_id = item.id AND claim.state = 'active'
      )
    ) ORDER BY item.id), '[]')
    FROM routing.items AS item WHERE item.lead_id = lead.id
  )
)), '[]')::text
FROM routing.leads AS lead
""")
"""Every lead with what hangs on it, as JSON. A second holder of an item is an error of its own."""

BROKEN = text("""
WITH moving AS (
  SELECT item.lead_id, count(*) AS n FROM routing.items AS item
  WHERE item.kind IN ('enquiry', 'prospect', 'opportunity') AND item.state NOT IN ('done', 'cancelled')
  GROUP BY item.lead_id
)
SELECT 'an open lead has one open item that moves it, any other none' AS law, lead.id, lead.state AS found
FROM routing.leads AS lead LEFT JOIN moving ON moving.lead_id = lead.id
WHERE coalesce(moving.n, 0) <> CASE WHEN lead.state IN ('queued', 'pooled', 'claimed') THEN 1 ELSE 0 END
UNION ALL
SELECT 'the events of a lead are numbered without a gap', lead.id, lead.seq::text
FROM routing.leads AS lead LEFT JOIN routing.timeline AS event ON event.lead_id = lead.id
GROUP BY lead.id HAVING count(event.seq) <> lead.seq OR min(event.seq) <> 1 OR max(event.seq) <> lead.seq
UNION ALL
SELECT 'the time of a lead never runs backwards', later.lead_id, later.seq::text
FROM routing.timeline AS later JOIN routing.timeline AS event
  ON event.lead_id = later.lead_id AND event.seq = later.seq - 1 AND event.at > later.at
UNION ALL
SELECT 'an item is held if and only if it is claimed', item.id, item.state
FROM routing.items AS item LEFT JOIN routing.claims AS claim ON claim.item_id = item.id AND claim.state = 'active'
WHERE (item.state = 'claimed') <> (claim.id IS NOT NULL) OR claim.token <> item.token
UNION ALL
SELECT 'an opportunity is open if and only if its item is', deal.id, deal.state
FROM routing.opportunities AS deal JOIN routing.items AS item ON item.id = deal.item_id
WHERE (deal.state = 'open') <> (item.state NOT IN ('done', 'cancelled'))
UNION ALL
SELECT 'a task is open if and only if its item is', task.id, task.state
FROM routing.tasks AS task JOIN routing.items AS item ON item.id = task.item_id
WHERE (task.state = 'open') <> (item.state NOT IN ('done', 'cancelled'))
UNION ALL
SELECT 'nothing is done for a customer who is gone', customer.id, customer.state
FROM routing.customers AS customer JOIN routing.items AS item ON item.id = customer.item_id
WHERE customer.state IN ('churned', 'void') AND item.state NOT IN ('done', 'cancelled')
UNION ALL
SELECT 'who has left holds nothing', claim.id, rep.status
FROM routing.claims AS claim JOIN routing.reps AS rep ON rep.id = claim.rep_id
WHERE claim.state = 'active' AND rep.status = 'left'
UNION ALL
SELECT 'a lead is somebody''s, unless they are erased', lead.id, lead.state
FROM routing.leads AS lead WHERE (lead.person_id IS NULL) <> (lead.state = 'erased')
UNION ALL
SELECT 'what is merged has gone into a lead that is not', lead.id, root.state
FROM routing.leads AS lead LEFT JOIN routing.leads AS root ON root.id = lead.merged_into
WHERE (lead.state = 'merged') <> (lead.merged_into IS NOT NULL) OR root.state IN ('merged', 'erased')
""")
"""Each row breaks a law."""
