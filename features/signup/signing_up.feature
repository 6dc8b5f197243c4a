@signup
Feature: Signing up
  Whoever signs up is mailed a link; whoever already has an account learns of it by mail, never by the answer.

  Scenario: A new address is mailed its link
    When ada signs up
    Then ada is answered INACTIVE
    And ada has a mail "Activate your account" with one link
    And ada is INACTIVE in signup_db
    And ada is INACTIVE in login_db

  Scenario: A full profile is kept as it was given
    When ada signs up with
      | fullName | Zoë 😀 中文        |
      | address  | 1 Harbour Row      |
      | phoneNo  | +358 (0)40 123-456 |
      | gender   | female             |
    Then ada's profile in signup_db is
      | fullName | Zoë 😀 中文        |
      | address  | 1 Harbour Row      |
      | phoneNo  | +358 (0)40 123-456 |
      | gender   | female             |

  Scenario: Signing up again replaces the pending account
    Given ada has signed up
    When ada signs up with the password "another quiet harbour"
    Then ada has 2 mails
    And the newest mail to ada says that it replaced an earlier sign-up
    And ada's first activation link is refused with LINK_SUPERSEDED
    And ada's newest activation link activates the account
    And ada can log in with "another quiet harbour"
    And ada cannot log in with "a quiet harbour at dawn"

  Scenario: The owner of a taken address is told by mail
    Given ada has an active account
    When somebody signs up with ada's address and the password "not adas password"
    Then ada is answered INACTIVE
    And the newest mail to ada holds no link
    And ada is ACTIVE in signup_db
    And ada can log in with "a quiet harbour at dawn"
    And ada cannot log in with "not adas password"

  Scenario: Every address gets the very same answer
    Given ada has an active account
    And bob has signed up
    And cleo is suspended
    When somebody signs up with the addresses of ada, bob, cleo and dora
    Then the answers are the same, byte for byte

  Scenario: One address is one account however many sign up at once
    When 20 people sign up with ada's address at once
    Then every answer is the same, byte for byte
    And ada has one row in signup_db

  Scenario: A new address in capitals is the same account
    Given ada has signed up
    When ada signs up with the address in capitals
    Then ada has 2 mails
    And ada has one row in signup_db

  Scenario: Nobody is mailed without end
    Given ada has signed up 5 times
    When somebody signs up with ada's address and the password "the sixth password"
    Then ada is answered INACTIVE
    And ada has 5 mails
    And ada's newest activation link activates the account
    And ada can log in with "a quiet harbour at dawn"
    And ada cannot log in with "the sixth password"

  Rule: Another link can be asked for
    Scenario: A second link of the same sign-up
      Given ada has signed up
      When ada asks for another link
      Then ada has 2 mails
      And both links of ada are of the same password version
      And ada's first activation link activates the account

    Scenario Outline: Nobody else is mailed (<who>)
      Given ada has an active account
      When another link is asked for <who>
      Then the answer is as for everybody
      And <who> has no further mail
      Examples:
        | who  |
        | ada  |
        | dora |
