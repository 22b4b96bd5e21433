// A cycle of external-dns on a Route 53 zone, with external-dns's own AWS provider, plan and TXT registry.
//
// It reads the endpoints that are wanted as JSON from its standard input, applies what external-dns's plan says (as its
// controller's RunOnce does), and prints what the registry saw before and which changes were made. Where AWS is, and who
// asks, the AWS SDK's own environment variables say (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/aws"
	"sigs.k8s.io/external-dns/registry/txt"
)

// wanted is an endpoint as a source of external-dns would give it.
type wanted struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	TTL           int64    `json:"ttl"`
	Targets       []string `json:"targets"`
	SetIdentifier string   `json:"setIdentifier"`
	Weight        string   `json:"weight"`
}

// seen is a record as the registry reads it: whose it is, if it is anybody's.
type seen struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Owner string `json:"owner"`
}

type outcome struct {
	Seen    []seen   `json:"seen"`
	Created []string `json:"created"`
	Updated []string `json:"updated"`
	Deleted []string `json:"deleted"`
}

func main() {
	owner := flag.String("owner", "default", "owner id in the TXT registry")
	domain := flag.String("domain", "", "domain filter")
	policy := flag.String("policy", "sync", "sync, upsert-only or create-only")
	flag.Parse()
	result, err := cycle(context.Background(), *owner, *domain, *policy)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func config(owner string) *externaldns.Config {
	cfg := externaldns.NewConfig()
	cfg.TXTOwnerID = owner
	cfg.AWSAPIRetries = 3
	cfg.AWSBatchChangeSize = 1000
	cfg.AWSBatchChangeSizeBytes = 32000
	cfg.AWSBatchChangeSizeValues = 1000
	cfg.AWSBatchChangeInterval = time.Millisecond
	cfg.AWSEvaluateTargetHealth = true
	cfg.ManagedDNSRecordTypes = []string{endpoint.RecordTypeA, endpoint.RecordTypeAAAA, endpoint.RecordTypeCNAME}
	return cfg
}

func cycle(ctx context.Context, owner, domain, policy string) (*outcome, error) {
	rule, known := plan.Policies[policy]
	if !known {
		return nil, fmt.Errorf("there is no policy %q: sync, upsert-only or create-only", policy)
	}
	desired, err := read()
	if err != nil {
		return nil, err
	}
	cfg, filter := config(owner), endpoint.NewDomainFilter([]string{domain})
	route53, err := aws.New(ctx, cfg, filter)
	if err != nil {
		return nil, fmt.Errorf("making the provider: %w", err)
	}
	registry, err := txt.New(cfg, route53)
	if err != nil {
		return nil, fmt.Errorf("making the registry: %w", err)
	}
	current, err := registry.Records(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading records: %w", err)
	}
	ctx = context.WithValue(ctx, provider.RecordsContextKey, current)
	desired, err = registry.AdjustEndpoints(desired)
	if err != nil {
		return nil, fmt.Errorf("adjusting endpoints: %w", err)
	}
	calculated := (&plan.Plan{
		Policies:       []plan.Policy{rule},
		Current:        current,
		Desired:        desired,
		DomainFilter:   endpoint.MatchAllDomainFilters{filter, registry.GetDomainFilter()},
		ManagedRecords: cfg.ManagedDNSRecordTypes,
		OwnerID:        registry.OwnerID(),
	}).Calculate()
	// What is applied is changed on the way, so it is told first.
	result := told(current, calculated.Changes)
	if calculated.Changes.HasChanges() {
		if err := registry.ApplyChanges(ctx, calculated.Changes); err != nil {
			return nil, fmt.Errorf("applying changes: %w", err)
		}
	}
	return result, nil
}

func read() ([]*endpoint.Endpoint, error) {
	var all []wanted
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		return nil, fmt.Errorf("reading the wanted endpoints: %w", err)
	}
	endpoints := make([]*endpoint.Endpoint, 0, len(all))
	for _, w := range all {
		e := endpoint.NewEndpointWithTTL(w.Name, w.Type, endpoint.TTL(w.TTL), w.Targets...)
		if e == nil {
			return nil, fmt.Errorf("external-dns takes no endpoint %+v", w)
		}
		if w.SetIdentifier != "" {
			e = e.WithSetIdentifier(w.SetIdentifier).WithProviderSpecific("aws/weight", w.Weight)
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

func told(current []*endpoint.Endpoint, changes *plan.Changes) *outcome {
	result := &outcome{
		Seen:    []seen{},
		Created: names(changes.Create),
		Updated: names(changes.UpdateNew),
		Deleted: names(changes.Delete),
	}
	for _, e := range current {
		result.Seen = append(result.Seen, seen{e.DNSName, e.RecordType, e.Labels[endpoint.OwnerLabelKey]})
	}
	return result
}

func names(endpoints []*endpoint.Endpoint) []string {
	all := []string{}
	for _, e := range endpoints {
		all = append(all, name(e))
	}
	return all
}

func name(e *endpoint.Endpoint) string {
	return e.DNSName + " " + e.RecordType
}
