@activation
Feature: Activating an account
  The link in the mail makes the account ACTIVE, once, and on every later click says so again.

  Scenario: The link activates the account
    Given ada has signed up
    When ada follows the link
    Then ada is answered ACTIVE
    And ada is ACTIVE in signup_db
    And ada is ACTIVE in login_db
    And ada can log in

  Scenario: Following the link again changes nothing
    Given ada has an active account
    When ada follows the link
    Then ada is answered ACTIVE
    And ada's activation was written and captured once

  Scenario: Twenty clicks at once are one activation
    Given ada has signed up
    When ada follows the link 20 times at once
    Then every answer is ACTIVE
    And ada is ACTIVE in login_db
    And ada's activation was written and captured once

  Scenario: A browser shows a button, and the button activates
    Given ada has signed up
    When ada opens the link in a browser
    Then ada sees a page with one button that changes nothing by being seen
    And ada is still INACTIVE in signup_db
    When ada presses the button
    Then ada sees a page that says "active"
    And ada is ACTIVE in login_db

  Scenario Outline: A mail scanner does not activate (<scan>)
    Given ada has signed up
    When a mail scanner does a <scan> of ada's link
    Then ada is still INACTIVE in signup_db
    And ada's newest activation link activates the account
    Examples:
      | scan         |
      | HEAD         |
      | OPTIONS      |
      | browser GET  |

  Scenario: The links of other people stay good
    Given ada has signed up
    And bob has signed up
    When ada follows the link
    Then ada is ACTIVE in login_db
    And bob's newest activation link activates the account
