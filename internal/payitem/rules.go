package payitem

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/access"
	"github.com/perchhq/perch/internal/secret"
	"github.com/perchhq/perch/internal/store"
)

// Rules is the list of an entity's rules.
type Rules struct {
	Responses []Rule `json:"responses" nullable:"false"`
}

func ownerOf(grant *access.Grant, entity *access.Entity) store.RuleOwner {
	return store.RuleOwner{Application: grant.Application.ID, Connection: grant.Connection.ID, Entity: entity.ID}
}

// Rules lists the entity's rules, the one that goes before all others first.
func (s *Service) Rules(ctx context.Context, grant *access.Grant, entity *access.Entity) (Rules, error) {
	if entity.Status == perch.StatusDisconnected {
		return Rules{}, perch.ErrInvalidToken
	}
	list, err := s.rules(ctx, ownerOf(grant, entity))
	if err != nil {
		return Rules{}, internal(err)
	}
	return Rules{Responses: append([]Rule{}, list...)}, nil
}

func (s *Service) rules(ctx context.Context, owner store.RuleOwner) ([]Rule, error) {
	stored, err := s.Store.Rules(ctx, owner)
	if err != nil || len(stored) == 0 {
		return nil, err
	}
	cipher, err := s.Keyring.Cipher(ctx, owner.Entity)
	if err != nil {
		return nil, err
	}
	return openRules(cipher, owner, stored)
}

// CreateRule adds a rule. Without a priority it goes after all others.
func (s *Service) CreateRule(ctx context.Context, grant *access.Grant, entity *access.Entity, edit Edit) (Rule, error) {
	now := s.now()
	var made Rule
	err := s.change(ctx, grant, entity, func(c *ruleChange) error {
		if len(c.rules) >= MaxRules {
			return perch.Invalid("conditions", "this entity has %d rules already, which is the most there can be.", MaxRules)
		}
		made = edit.apply(Rule{ID: perch.NewID(), Priority: c.lastPriority() + 1, EntityType: EntityPayStatementItem, CreatedAt: now, UpdatedAt: now})
		return c.put(made)
	})
	return made, err
}

// UpdateRule changes what the edit gives of a rule.
func (s *Service) UpdateRule(ctx context.Context, grant *access.Grant, entity *access.Entity, id string, edit Edit) (Rule, error) {
	var changed Rule
	err := s.change(ctx, grant, entity, func(c *ruleChange) error {
		rule, err := c.take(id)
		if err != nil {
			return err
		}
		changed = edit.apply(rule)
		changed.UpdatedAt = s.now()
		return c.put(changed)
	})
	return changed, err
}

// DeleteRule deletes a rule and returns it as it was.
func (s *Service) DeleteRule(ctx context.Context, grant *access.Grant, entity *access.Entity, id string) (Rule, error) {
	var gone Rule
	err := s.change(ctx, grant, entity, func(c *ruleChange) (err error) {
		if gone, err = c.take(id); err != nil {
			return err
		}
		now := s.now()
		gone.DeletedAt = &now
		return s.Store.DeleteRule(ctx, c.tx, c.owner, gone.ID)
	})
	return gone, err
}

// now is the time in the precision in which it is stored.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// ruleChange is a change of an entity's rules under way.
type ruleChange struct {
	ctx    context.Context
	store  *store.Store
	tx     *sql.Tx
	cipher *secret.Cipher
	owner  store.RuleOwner
	rules  []Rule
}

func (s *Service) change(ctx context.Context, grant *access.Grant, entity *access.Entity, do func(*ruleChange) error) error {
	c := &ruleChange{ctx: ctx, store: s.Store, owner: ownerOf(grant, entity)}
	var err error
	if c.cipher, err = s.Keyring.Cipher(ctx, entity.ID); err != nil {
		return internal(err)
	}
	err = s.Store.ChangeRules(ctx, c.owner, func(tx *sql.Tx, stored []store.Rule) (err error) {
		c.tx = tx
		if c.rules, err = openRules(c.cipher, c.owner, stored); err != nil {
			return err
		}
		return do(c)
	})
	if errors.Is(err, store.ErrNotFound) {
		return perch.ErrInvalidToken // disconnected a moment ago
	}
	if err != nil {
		return internal(err)
	}
	return nil
}

// take takes the rule with the id out of the list. Text of any form is looked for, and quoted only where
// it is an id.
func (c *ruleChange) take(text string) (Rule, error) {
	id, err := perch.ParseID(text)
	if err != nil {
		return Rule{}, perch.Invalid("", "Rule not found: rule_id is not an id")
	}
	at := slices.IndexFunc(c.rules, func(r Rule) bool { return r.ID == id })
	if at < 0 {
		return Rule{}, perch.Invalid("", "Rule %s not found", id)
	}
	rule := c.rules[at]
	c.rules = slices.Delete(c.rules, at, at+1)
	return rule, nil
}

func (c *ruleChange) lastPriority() int {
	last := 0
	for i := range c.rules {
		last = max(last, c.rules[i].Priority)
	}
	return min(last, MaxPriority-1)
}

// put checks a rule, by itself and beside the others, and stores it.
func (c *ruleChange) put(r Rule) error {
	if r.Attributes.Metadata == nil {
		return perch.Invalid("attributes.metadata", "is required.")
	}
	if err := r.check(); err != nil {
		return err
	}
	if err := checkTogether(append(c.rules, r), &r); err != nil {
		return err
	}
	body, err := (&ruleBody{r.EffectiveStartDate, r.EffectiveEndDate, r.Conditions, r.Attributes.Metadata}).encode()
	if err != nil {
		return err
	}
	return c.store.PutRule(c.ctx, c.tx, c.owner, store.Rule{
		ID: r.ID, Priority: r.Priority, Body: c.cipher.Seal(nil, body, rulePlace(c.owner.Entity, r.ID)),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	})
}

// ruleBody is the sealed part of a rule.
type ruleBody struct {
	Start      *perch.Date `json:"start,omitempty"`
	End        *perch.Date `json:"end,omitempty"`
	Conditions []Condition `json:"conditions"`
	Metadata   Metadata    `json:"metadata"`
}

// encode writes metadata as it was given: escaped for HTML it would be longer than what was checked.
func (b *ruleBody) encode() ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(b)
	return buffer.Bytes(), err
}

// rulePlace is what a rule's sealed body is bound to.
func rulePlace(entity, rule perch.ID) []byte {
	return append(append([]byte("pay_statement_rule/"), entity[:]...), rule[:]...)
}

func openRules(cipher *secret.Cipher, owner store.RuleOwner, stored []store.Rule) ([]Rule, error) {
	list := make([]Rule, 0, len(stored))
	for _, one := range stored {
		plain, err := cipher.Open(nil, one.Body, rulePlace(owner.Entity, one.ID))
		if err != nil {
			return nil, fmt.Errorf("opening rule %s: %w", one.ID, err)
		}
		var body ruleBody
		if err := json.Unmarshal(plain, &body); err != nil {
			return nil, fmt.Errorf("reading rule %s: %w", one.ID, err)
		}
		list = append(list, Rule{
			ID: one.ID, Priority: one.Priority, EffectiveStartDate: body.Start, EffectiveEndDate: body.End,
			Conditions: body.Conditions, Attributes: Attributes{Metadata: body.Metadata}, EntityType: EntityPayStatementItem,
			CreatedAt: one.CreatedAt.UTC(), UpdatedAt: one.UpdatedAt.UTC(),
		})
	}
	return list, nil
}
