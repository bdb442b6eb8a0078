package sandbox

import (
	"context"

	perch "github.com/perchhq/perch"
	"github.com/perchhq/perch/internal/deduction"
)

// triggerCents is what is deducted from a paycheck, in cents.
const triggerCents = 25_00

// deducted is a change of a deduction that the trigger makes for the purpose. Jobs of an account follow each
// other, so the id can be used at once.
func (p *prompter) deducted(ctx context.Context, kind perch.EventType) (change, error) {
	switch kind {
	case perch.EventBenefitRegistered:
		return change{"a deduction was registered", false, p.registerDeduction}, p.ensureConnected(ctx)
	case perch.EventBenefitCreated:
		return change{"a deduction was made", false, func(ctx context.Context) error {
			_, err := p.makeDeduction(ctx)
			return err
		}}, nil
	case perch.EventBenefitUpdated:
		return change{"a deduction was made and got another description", false, p.describeDeduction}, nil
	case perch.EventBenefitEnrolled:
		return change{"a deduction was made, and somebody enrolled in it", false, func(ctx context.Context) error {
			_, _, err := p.enrolSomebody(ctx)
			return err
		}}, nil
	}
	return change{"a deduction was made, and somebody enrolled in it and left it", false, p.unenrolSomebody}, nil
}

// newDeduction differs from all others by its description.
func (p *prompter) newDeduction() perch.Deduction {
	kind, frequency := perch.Benefit401k, perch.EveryPaycheck
	return perch.Deduction{Type: &kind, Frequency: &frequency, Description: text("Trigger %d", p.Now().UnixMicro())}
}

func (p *prompter) makeDeduction(ctx context.Context) (perch.ID, error) {
	written, err := p.Deductions.Create(ctx, p.grant, p.entity, p.newDeduction())
	return written.BenefitID, err
}

func (p *prompter) describeDeduction(ctx context.Context) error {
	benefit, err := p.makeDeduction(ctx)
	if err == nil {
		_, err = p.Deductions.Update(ctx, p.grant, p.entity, benefit, *text("Changed by a trigger %d", p.Now().UnixMicro()))
	}
	return err
}

// enrolSomebody enrols the first person in a new deduction.
func (p *prompter) enrolSomebody(ctx context.Context) (benefit, individual perch.ID, err error) {
	d, err := p.desk(ctx, p.grant, p.entity)
	if err != nil {
		return benefit, individual, err
	}
	if benefit, err = p.makeDeduction(ctx); err != nil {
		return benefit, individual, err
	}
	individual = d.individualID(0)
	cents := int64(triggerCents)
	_, err = p.Deductions.Enrol(ctx, p.grant, p.entity, benefit, []deduction.Person{{IndividualID: individual.String(),
		Enrolment: perch.Enrolment{EmployeeDeduction: &perch.Amount{Type: perch.AmountFixed, Amount: &cents}}}})
	return benefit, individual, err
}

func (p *prompter) unenrolSomebody(ctx context.Context) error {
	benefit, individual, err := p.enrolSomebody(ctx)
	if err == nil {
		_, err = p.Deductions.Unenrol(ctx, p.grant, p.entity, benefit, []string{individual.String()})
	}
	return err
}

// ensureConnected sets an assisted account up, as people would.
func (p *prompter) ensureConnected(ctx context.Context) error {
	if p.entity.Status == perch.StatusConnected {
		return nil
	}
	connected := perch.StatusConnected
	if _, err := p.UpdateAccount(ctx, p.grant, p.entity, &connected); err != nil {
		return err
	}
	list, err := p.accounts(ctx, p.grant.Application.ID, p.grant.Connection.ID)
	if err != nil {
		return err
	}
	p.grant.Entities, p.entity = list, &list[0]
	return nil
}

// registerDeduction registers one and does the job that then waits for people.
func (p *prompter) registerDeduction(ctx context.Context) error {
	if _, err := p.Deductions.Register(ctx, p.grant, p.entity, p.newDeduction()); err != nil {
		return err
	}
	return failure(p.Waiting.Release(ctx, p.grant))
}
