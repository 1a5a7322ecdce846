//! Terms that change what is paid and nothing that happens: the fee, and discounts on either side. No replay is needed
//! to know what they come to.

use types::analysis::{BreakEven, ExactLines};

use crate::scenarios::model::costs::scenario_cost::Money;

/// A term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Fee,
    HostDiscount,
    Ec2Discount,
}

impl Term {
    /// Its name, as break-even planes have it.
    fn name(self) -> &'static str {
        match self {
            Self::Fee => "fee_fraction",
            Self::HostDiscount => "host_discount",
            Self::Ec2Discount => "ec2_discount",
        }
    }

    /// Its key in the tornado: the fee is an assumption.
    fn key(self) -> &'static str {
        match self {
            Self::Fee => "emp.fee_fraction",
            _ => self.name(),
        }
    }
}

/// Fees along an axis, as fractions of what is saved; the one in force joins them.
const FEES: [f64; 11] = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5];
/// Discounts along an axis, as fractions of what is paid now.
const DISCOUNTS: [f64; 7] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
/// Fees and discounts that the tornado shows.
const TORNADO: [(Term, &[f64]); 3] =
    [(Term::Fee, &[0.15, 0.35]), (Term::HostDiscount, &[0.2]), (Term::Ec2Discount, &[0.2])];

/// Amounts paid under other terms.
#[derive(Debug, Clone, Copy)]
struct Terms {
    fee: f64,
    /// Taken off what hosts cost now.
    host_discount: f64,
    /// Taken off what EC2 nodes cost now, in both scenarios and in the fee's Before.
    ec2_discount: f64,
}

/// The figures a saving is made of, of a pool against a rival or of any scenario against today.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deal {
    now: Terms,
    saving: f64,
    before: f64,
    hosts: f64,
    /// EC2 nodes of what it is compared with less its own.
    nodes_saved: f64,
}

impl Deal {
    /// The deal between what runs on nodes alone and a scenario.
    pub(crate) fn between(fee: f64, from: &ExactLines, to: &Money) -> Option<Self> {
        let (saving, _, lines) = from.less(&to.lines)?;
        if !["compute", "fee"].iter().all(|line| lines.contains(line)) {
            return None;
        }
        let carrying = to.hosts - to.spare_hosts;
        let (from, nodes) = (from.compute?.usd(), to.compute.effective().usd() - carrying.usd());
        Some(Self {
            now: Terms { fee, host_discount: 0.0, ec2_discount: 0.0 },
            saving: saving.usd(),
            before: to.before?.usd(),
            hosts: to.hosts.usd(),
            nodes_saved: from - nodes,
        })
    }

    fn fee(&self, terms: Terms) -> f64 {
        let before = self.before * (1.0 - terms.ec2_discount);
        terms.fee * (before - self.hosts * (1.0 - terms.host_discount)).max(0.0)
    }

    fn saving(&self, terms: Terms) -> f64 {
        self.saving + self.fee(self.now) - self.fee(terms) + self.hosts * terms.host_discount
            - self.nodes_saved * terms.ec2_discount
    }

    fn under(term: Term, value: f64, terms: Terms) -> Terms {
        match term {
            Term::Fee => Terms { fee: value, ..terms },
            Term::HostDiscount => Terms { host_discount: value, ..terms },
            Term::Ec2Discount => Terms { ec2_discount: value, ..terms },
        }
    }

    /// Where the saving turns into a loss, by pairs of terms.
    pub(crate) fn break_even(&self) -> Vec<BreakEven> {
        let plane = |(x, xs): (Term, &[f64]), (y, ys): (Term, &[f64]), here| BreakEven {
            x: x.name().to_owned(),
            y: y.name().to_owned(),
            xs: xs.to_vec(),
            ys: ys.to_vec(),
            here,
            saving_usd: ys
                .iter()
                .map(|of_y| {
                    let row = Self::under(y, *of_y, self.now);
                    xs.iter().map(|of_x| Some(self.saving(Self::under(x, *of_x, row)))).collect()
                })
                .collect(),
        };
        let mut fees = FEES.to_vec();
        if !fees.contains(&self.now.fee) {
            fees.push(self.now.fee);
            fees.sort_by(f64::total_cmp);
        }
        let hosts = (Term::HostDiscount, &DISCOUNTS[..]);
        vec![
            plane((Term::Fee, &fees), hosts, [self.now.fee, 0.0]),
            plane((Term::Ec2Discount, &DISCOUNTS), hosts, [0.0, 0.0]),
        ]
    }

    /// Returns what each term alone changes: its key, its value, and what is saved more. On nodes alone there is
    /// neither a fee nor a host.
    pub(crate) fn changes(&self, is_pool: bool) -> Vec<(&'static str, String, f64)> {
        let terms = TORNADO.iter().filter(|(term, _)| is_pool || *term == Term::Ec2Discount);
        let of = |(term, values): &(Term, &'static [f64])| {
            let change = |value: &f64| {
                let saving = self.saving(Self::under(*term, *value, self.now));
                (term.key(), value.to_string(), saving - self.saving)
            };
            values.iter().map(change).collect::<Vec<_>>()
        };
        terms.flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use types::analysis::TornadoBar;

    use super::*;

    const DEAL: Deal = Deal {
        now: Terms { fee: 0.25, host_discount: 0.0, ec2_discount: 0.0 },
        // Nodes 1000 become hosts 600 and a fee of a quarter of 1200 - 600.
        saving: 250.0,
        before: 1200.0,
        hosts: 600.0,
        nodes_saved: 1000.0,
    };

    #[test]
    fn terms_change_the_saving_as_a_bill_would() {
        let of = |fee, host_discount, ec2_discount| DEAL.saving(Terms { fee, host_discount, ec2_discount });
        assert_eq!(of(0.25, 0.0, 0.0), 250.0);
        assert_eq!(of(0.0, 0.0, 0.0), 400.0);
        // Hosts 300, fee a quarter of 900.
        assert_eq!(of(0.25, 0.5, 0.0), 1000.0 - 300.0 - 225.0);
        // Nodes 500, hosts 600, no fee, since Before 600 is no more than After.
        assert_eq!(of(0.25, 0.0, 0.5), -100.0);
    }

    #[test]
    fn a_plane_has_the_point_in_force_and_falls_with_the_fee() {
        let planes = DEAL.break_even();
        let fee = &planes[0];
        assert_eq!((fee.here, fee.saving_usd.len(), fee.saving_usd[0].len()), ([0.25, 0.0], 7, 11));
        let at = fee.xs.iter().position(|x| *x == 0.25).unwrap();
        assert_eq!(fee.saving_usd[0][at], Some(250.0));
        assert!(fee.saving_usd.iter().all(|row| row.windows(2).all(|pair| pair[0] >= pair[1])));
        assert!(planes[1].saving_usd[0][6] < Some(0.0));
    }

    #[test]
    fn a_bar_is_one_term_alone() {
        let changes = DEAL.changes(true);
        let change = |key: &str, value: &str| {
            changes.iter().find(|(of, at, _)| *of == key && at == value).map(|(.., change)| *change).unwrap()
        };
        assert!((change("emp.fee_fraction", "0.15") - 60.0).abs() < 1e-9);
        assert!((change("host_discount", "0.2") - 90.0).abs() < 1e-9);
        let on_nodes = DEAL.changes(false);
        assert_eq!(on_nodes.iter().map(|(key, ..)| *key).collect::<Vec<_>>(), ["ec2_discount"]);
        let bar = |key: &str| TornadoBar {
            key: key.to_owned(),
            value: String::new(),
            saving_usd: None,
            change_usd: None,
            holds_target: true,
            breaks: None,
            turns_around: false,
        };
        assert!(bar("emp.fee_fraction").is_uncertain() && bar("emp.guest_mib").is_uncertain());
        assert!(!bar("host_discount").is_uncertain() && !bar("risk.cpu_lost").is_uncertain());
    }
}
